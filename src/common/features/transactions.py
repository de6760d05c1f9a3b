"""The features of transactions, as of the moment when each happened.

Two groups are after chapter 3 of "Reproducible Machine Learning for Credit Card Fraud Detection" (Le Borgne, Siblini,
Lebichot, Bontempi, 2022): how much and how often a customer spends, and how much fraud a terminal saw, over 1, 7 and 30
days, with the delay that reports of fraud take. Training and streaming call `transaction_features`.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ddl import columns_of
from common.contracts.features import FEATURES
from common.contracts.gold import TRANSACTION_FEATURES
from common.features.customers import PLACES, Habit, customer_features
from common.features.groups import by_key
from common.features.known_frauds import known_frauds
from common.features.payments import payment_features
from common.features.reach import Reach, reach_of
from common.features.rows import ARROW_TYPES, SPANS, rows_of
from common.features.terminals import terminal_features
from common.features.timeline import Ints
from common.settings import LABEL_DELAY_DAYS

EVENT_MICROS = "event_micros"
"""Name of the column of microseconds since 1970 that rows are ordered by."""

INPUTS = (
    "transaction_id",
    "event_time",
    "event_date",
    "customer_id",
    "account_id",
    "terminal_id",
    "amount_eur",
    *PLACES,
)
"""The columns of silver.transactions that features are made of."""

_PASSED = {
    "transaction_id": "string",
    EVENT_MICROS: "bigint",
    "event_date": "date",
    "customer_id": "string",
    "account_id": "string",
    "terminal_id": "string",
    "cents": "bigint",
    "is_new": "boolean",
    **dict.fromkeys(PLACES, "string"),
}
_EXPLAINED = "is_explained"
"""What a row's customer says of it, for its terminal."""
_SPANS_DDL = "array<struct<known_from: bigint, until: bigint>>"
_SPANS_ARROW = pa.list_(pa.struct([("known_from", pa.int64()), ("until", pa.int64())]))
_FOR_TERMINALS = {SPANS: _SPANS_DDL, _EXPLAINED: "boolean"}
_OF_CUSTOMERS = {f.name: f.type for f in FEATURES if f.name.startswith("customer") or f.name == "amount_to_usual"}
_OF_TERMINALS = {f.name: f.type for f in FEATURES if f.name.startswith("terminal")}
_OF_PAYMENTS = {f.name: f.type for f in FEATURES if f.name not in _OF_CUSTOMERS | _OF_TERMINALS}
_ALL = {**_PASSED, **_OF_PAYMENTS, **_OF_CUSTOMERS, **_OF_TERMINALS}


def transaction_features(
    new: DataFrame,
    transactions: DataFrame,
    fraud_reports: DataFrame,
    reach: Reach | None = None,
    delay_days: int = LABEL_DELAY_DAYS,
    *,
    with_places: bool = False,
) -> DataFrame:
    """One row of gold.transaction_features for each row of `new`.

    Windows are half-open. A customer's are (t - w, t] and hold the transaction itself, in the order (event_time,
    transaction_id). A terminal's are (t - delay - w, t - delay], and a fraud in them counts if it was known at t.
    An empty window has count 0, rate 0 and mean null. Without a customer or terminal, its features are null. An
    amount that is null in euro counts as a transaction, and is left out of the mean. What each feature is stands in
    `contracts.features`.

    Args:
        new: transactions to compute features for, each once; columns as `INPUTS`.
        transactions: silver.transactions, with the rows of `new` or without them. Only what the windows
            reach is read. The same frame as `new`: all of it is computed.
        fraud_reports: silver.fraud_reports.
        reach: `reach_of(new)`, where the caller has it already; otherwise a query finds it.
        delay_days: days that reports of fraud are given to arrive.
        with_places: whether the columns of `PLACES`, which rules look at, come beside.

    """
    rows = new.select(*INPUTS)
    if new is transactions:
        known, batch = fraud_reports, _flagged(rows, is_new=True)
    else:
        reach = reach or reach_of(new)
        history = (reach.history(transactions) if reach else transactions.where("false")).select(*INPUTS)
        known = reach.known(fraud_reports) if reach else fraud_reports.where("false")
        others = history.join(
            rows.select("transaction_id", "event_date"), ["transaction_id", "event_date"], "left_anti"
        )
        batch = _flagged(rows, is_new=True).unionByName(_flagged(others, is_new=False))
    judged = batch.join(known_frauds(known), "transaction_id", "left")
    by_customer = _key_by_key(judged, "customer_id").mapInArrow(
        _with_customer_features, columns_of({**_PASSED, **_OF_CUSTOMERS, **_FOR_TERMINALS})
    )
    by_terminal = _key_by_key(by_customer, "terminal_id").mapInArrow(
        partial(_with_other_features, delay_days), columns_of(_ALL)
    )
    computed = {"event_time": F.timestamp_micros(EVENT_MICROS)}
    names = (*TRANSACTION_FEATURES.column_names, *(PLACES if with_places else ()))
    return by_terminal.select(*(computed.get(name, F.col(name)).alias(name) for name in names))


def _flagged(rows: DataFrame, *, is_new: bool) -> DataFrame:
    return rows.select(
        *(name for name in INPUTS if name not in ("event_time", "amount_eur")),
        F.unix_micros("event_time").alias(EVENT_MICROS),
        (F.col("amount_eur") * 100).cast("bigint").alias("cents"),
        F.lit(is_new).alias("is_new"),
    )


def _key_by_key(rows: DataFrame, key: str) -> DataFrame:
    """The rows of each key in one partition, in order of time and id. Rows without the key are spread by their own."""
    spread = rows.repartition(F.coalesce(key, "transaction_id"))
    return spread.sortWithinPartitions(key, EVENT_MICROS, "transaction_id")


def _with_customer_features(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    def work(table: pa.Table, codes: Ints) -> Mapping[str, np.ma.MaskedArray]:
        rows = rows_of(table, codes, "customer_id")
        habit = Habit.unknown(len(rows))
        features = _with_key(customer_features(rows, table, habit=habit), rows.has_key)
        return {**features, _EXPLAINED: np.ma.MaskedArray(habit.is_explained)}

    return by_key(batches, "customer_id", work, _arrow({**_PASSED, **_OF_CUSTOMERS, **_FOR_TERMINALS}))


def _with_other_features(delay_days: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    def work(table: pa.Table, codes: Ints) -> Mapping[str, np.ma.MaskedArray]:
        rows = rows_of(table, codes, "terminal_id")
        days = table["event_date"].cast(pa.int32()).to_numpy()
        payments = payment_features(rows.line.micros, days, rows.cents, rows.has_amount)
        is_explained = table[_EXPLAINED].to_numpy()
        return {**payments, **_with_key(terminal_features(rows, is_explained, delay_days), rows.has_key)}

    for batch in by_key(batches, "terminal_id", work, _arrow(_ALL)):
        yield batch.filter(batch["is_new"])


def _with_key(features: Mapping[str, np.ndarray], has_key: np.ndarray) -> dict[str, np.ma.MaskedArray]:
    """The features, unknown where the row has no key."""
    return {
        name: np.ma.MaskedArray(values, mask=~has_key | np.ma.getmaskarray(values) | _is_nan(values))
        for name, values in features.items()
    }


def _is_nan(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)


def _arrow(columns: Mapping[str, str]) -> pa.Schema:
    return pa.schema([(name, _SPANS_ARROW if name == SPANS else ARROW_TYPES[type_]) for name, type_ in columns.items()])
