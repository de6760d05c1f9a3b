"""The features that a customer's own payments give."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from common.contracts.features import RECENT_DAYS, UNUSUAL_TIMES, USUAL_DAYS, WINDOW_DAYS
from common.features.rows import Rows, codes_of, ratio
from common.features.timeline import DAY_MICROS, Flags, Floats, Ints, Timeline, largest_between, running

HOUR_MICROS = DAY_MICROS // 24
PLACES = {"country": "country", "channel": "channel", "merchant_id": "merchant"}
"""Columns of a transaction of which earlier payments with the same value are counted, and the features' word."""


def customer_features(rows: Rows, table: pa.Table) -> Mapping[str, np.ndarray]:
    """The features by name; NaN and masked values are unknown.

    Args:
        rows: sorted by customer.
        table: the same rows, with the columns of `PLACES`.

    """
    line, here = rows.line, np.arange(len(rows))
    starts = {
        days: line.up_to(line.codes, line.micros - days * DAY_MICROS)
        for days in {*WINDOW_DAYS, *RECENT_DAYS, USUAL_DAYS}
    }
    found: dict[str, np.ndarray] = {}
    sums, amounts = running(rows.cents), running(rows.has_amount)
    for days in WINDOW_DAYS:
        start = starts[days]
        known = amounts[here + 1] - amounts[start]
        cents = (sums[here + 1] - sums[start]).astype("float64")
        found[f"customer_tx_count_{days}d"] = here + 1 - start
        found[f"customer_amount_mean_{days}d"] = np.divide(
            cents, known.astype("float64") * 100, out=np.full(len(rows), np.nan), where=known > 0
        )
    has_earlier = here > starts[USUAL_DAYS]
    since = line.micros - line.micros[np.maximum(here - 1, 0)]
    found["customer_hours_since_last"] = np.where(has_earlier, since / HOUR_MICROS, np.nan)
    found |= _habit(rows, starts)
    found |= {f"customer_{word}_count_30d": _same_before(rows, table[column]) for column, word in PLACES.items()}
    return found


def explained_by_amount(rows: Rows) -> Flags:
    """Whether each amount is unusual beside the customer's mean: enough to explain a fraud, whatever the terminal.

    The mean is of all earlier payments of the usual window, known frauds and unusual amounts too, so that it doesn't
    depend on when reports came in.

    Args:
        rows: sorted by customer.

    """
    line, here = rows.line, np.arange(len(rows))
    start = line.up_to(line.codes, line.micros - USUAL_DAYS * DAY_MICROS)
    sums, amounts = running(rows.cents), running(rows.has_amount)
    to_mean = ratio(rows.cents, amounts[here] - amounts[start], sums[here] - sums[start])
    return to_mean > UNUSUAL_TIMES


def _habit(rows: Rows, starts: Mapping[int, Ints]) -> dict[str, np.ndarray]:
    here = np.arange(len(rows))
    count, total = _usual(rows, rows.has_amount, starts[USUAL_DAYS])
    first = np.where(rows.has_amount, ratio(rows.cents, count, total), np.nan)
    count, total = _usual(rows, rows.has_amount & ~(first > UNUSUAL_TIMES), starts[USUAL_DAYS])
    to_usual: Floats = np.where(rows.has_amount, ratio(rows.cents, count, total), np.nan)
    unusual = running(to_usual > UNUSUAL_TIMES)
    usual = np.divide(
        total.astype("float64"), count.astype("float64") * 100, out=np.full(len(rows), np.nan), where=count > 0
    )
    found = {"customer_usual_amount_30d": usual, "amount_to_usual": to_usual}
    for days in RECENT_DAYS:
        found[f"customer_largest_to_usual_{days}d"] = largest_between(to_usual, starts[days], here)
        found[f"customer_unusual_count_{days}d"] = unusual[here] - unusual[starts[days]]
    return found


def _usual(rows: Rows, counted: Flags, start: Ints) -> tuple[Ints, Ints]:
    """Number and sum in cents of the earlier payments of the usual window that are counted and not known as fraud."""
    line, frauds, here = rows.line, rows.frauds, np.arange(len(rows))
    happened = line.micros[frauds.row]
    parts = []
    for values in (counted.astype("int64"), np.where(counted, rows.cents, 0)):
        sums = running(values)
        # A fraud counts as known from the moment after it happened: at its own time the order of ids decides.
        known = frauds.steps(line.codes, happened + 1, happened + USUAL_DAYS * DAY_MICROS, values[frauds.row])
        parts.append(sums[here] - sums[start] - known.at(line.codes, line.micros))
    return parts[0], parts[1]


def _same_before(rows: Rows, values: pa.ChunkedArray) -> np.ma.MaskedArray:
    """How many earlier payments of the same customer in the usual window have the row's value."""
    names = values.combine_chunks().dictionary_encode().indices
    known = names.is_valid().to_numpy(zero_copy_only=False)
    numbers = names.fill_null(0).to_numpy(zero_copy_only=False).astype("int64")
    pairs = rows.line.codes * (int(numbers.max(initial=0)) + 1) + numbers
    order = np.flatnonzero(known)
    order = order[np.argsort(pairs[order], kind="stable")]
    codes = codes_of(pa.chunked_array([pa.array(pairs[order])]))
    micros = rows.line.micros[order]
    line = Timeline(codes, micros)
    counts = np.zeros(len(rows), "int64")
    counts[order] = np.arange(len(order)) - line.up_to(codes, micros - USUAL_DAYS * DAY_MICROS)
    return np.ma.MaskedArray(counts, mask=~known)
