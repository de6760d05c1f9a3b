"""Transactions of some customers, or at some terminals, as arrays: what features are computed from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from common.features.timeline import NEVER, Flags, Floats, Frauds, Ints, Timeline

SPANS = "known_fraud"
"""The column that holds, for each transaction, when it was known to be fraud: list of struct(known_from, until)."""


ARROW_TYPES = {
    "double": pa.float64(),
    "bigint": pa.int64(),
    "string": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "array<string>": pa.list_(pa.string()),
}
"""Arrow's types by the names that contracts have for them."""


@dataclass(frozen=True)
class Rows:
    """Transactions sorted by key, time and id.

    `line`: the keys (each a code; a row without the key has one of its own) and times. `has_key`: false where the row
    has none. `cents`: 0 where `has_amount` is false. `frauds`: when rows were known to be fraud.
    """

    line: Timeline
    has_key: Flags
    cents: Ints
    has_amount: Flags
    frauds: Frauds

    def __len__(self) -> int:
        return len(self.cents)


def rows_of(table: pa.Table, codes: Ints, key: str) -> Rows:
    """The rows of a table with event_micros, cents, `SPANS` and the key's column."""
    micros = table["event_micros"].to_numpy()
    cents = table["cents"]
    spans = table[SPANS].combine_chunks()
    lengths = np.nan_to_num(spans.value_lengths().to_numpy(zero_copy_only=False)).astype("int64")
    flat = spans.flatten()
    until = flat.field("until").fill_null(NEVER).to_numpy(zero_copy_only=False)
    return Rows(
        line=Timeline(codes, micros),
        has_key=table[key].is_valid().to_numpy(),
        cents=cents.fill_null(0).to_numpy(),
        has_amount=cents.is_valid().to_numpy(),
        frauds=Frauds(
            np.repeat(np.arange(table.num_rows), lengths),
            flat.field("known_from").to_numpy(zero_copy_only=False),
            until,
        ),
    )


def codes_of(keys: pa.ChunkedArray) -> Ints:
    """A number for each row of a sorted column, the same where the key is; each null has one of its own."""
    if not len(keys):
        return np.zeros(0, "int64")
    names = keys.combine_chunks().dictionary_encode().indices
    filled = names.fill_null(-1).to_numpy(zero_copy_only=False)
    begins = np.concatenate(([False], (filled[1:] != filled[:-1]) | (filled[1:] < 0)))
    return np.cumsum(begins)


def ratio(cents: Ints, count: Ints, total: Ints) -> Floats:
    """An amount divided by the mean of `count` amounts of which `total` is the sum; NaN where there is no mean."""
    top = cents.astype("float64") * count.astype("float64")
    unknown = np.full(len(top), np.nan)
    ratios: Floats = np.divide(top, total.astype("float64"), out=unknown, where=total > 0)
    return ratios
