"""The features that a customer's own payments give."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from common.contracts.features import RECENT_DAYS, UNUSUAL_TIMES, USUAL_DAYS, WINDOW_DAYS
from common.features.rows import Rows, ratio
from common.features.timeline import DAY_MICROS, Flags, Floats, Ints, Timeline, largest_between, running

HOUR_MICROS = DAY_MICROS // 24
PLACES = {"country": "country", "channel": "channel", "merchant_id": "merchant"}
"""Columns of a transaction of which earlier payments with the same value are counted, and the features' word."""


@dataclass(frozen=True)
class Habit:
    """What is kept of each row for later ones, which no row in order changes any more.

    `is_outlier`: whether its amount is left out of what is usual. `to_usual`: its feature amount_to_usual.
    `is_explained`: whether its amount is unusual beside the customer's mean, which is enough to explain a fraud,
    whatever the terminal. That mean is of all earlier payments of the usual window, known frauds and unusual amounts
    too, so that it doesn't depend on when reports came in.
    """

    is_outlier: Flags
    to_usual: Floats
    is_explained: Flags

    @classmethod
    def unknown(cls, count: int) -> "Habit":
        """That of rows of which nothing was worked out before."""
        return cls(np.zeros(count, bool), np.full(count, np.nan), np.zeros(count, bool))


def customer_features(
    rows: Rows, table: pa.Table, asked: Ints | None = None, habit: Habit | None = None
) -> Mapping[str, np.ndarray]:
    """The features by name, of the rows asked for; NaN and masked values are unknown.

    Args:
        rows: sorted by customer.
        table: the same rows, with the columns of `PLACES`.
        asked: places of the rows asked for, in order; all where none are given.
        habit: that of the other rows; what is there of those asked for is replaced by theirs.

    """
    here = np.arange(len(rows)) if asked is None else asked
    habit = habit or Habit.unknown(len(rows))
    line, codes, micros = rows.line, rows.line.codes[here], rows.line.micros[here]
    starts = {days: line.up_to(codes, micros - days * DAY_MICROS) for days in {*WINDOW_DAYS, *RECENT_DAYS, USUAL_DAYS}}
    found: dict[str, np.ndarray] = {}
    sums, amounts = running(rows.cents), running(rows.has_amount)
    for days in WINDOW_DAYS:
        start = starts[days]
        known = amounts[here + 1] - amounts[start]
        cents = (sums[here + 1] - sums[start]).astype("float64")
        found[f"customer_tx_count_{days}d"] = here + 1 - start
        found[f"customer_amount_mean_{days}d"] = np.divide(
            cents, known.astype("float64") * 100, out=np.full(len(here), np.nan), where=known > 0
        )
    start = starts[USUAL_DAYS]
    to_mean = ratio(rows.cents[here], amounts[here] - amounts[start], sums[here] - sums[start])
    habit.is_explained[here] = to_mean > UNUSUAL_TIMES
    has_earlier = here > starts[USUAL_DAYS]
    since = micros - line.micros[np.maximum(here - 1, 0)]
    found["customer_hours_since_last"] = np.where(has_earlier, since / HOUR_MICROS, np.nan)
    found |= _habit(rows, here, starts, habit)
    found |= {f"customer_{word}_count_30d": _same_before(rows, here, table[column]) for column, word in PLACES.items()}
    return found


def _habit(rows: Rows, here: Ints, starts: Mapping[int, Ints], habit: Habit) -> dict[str, np.ndarray]:
    cents, has_amount, start = rows.cents[here], rows.has_amount[here], starts[USUAL_DAYS]
    count, total = _usual(rows, here, rows.has_amount, start)
    habit.is_outlier[here] = has_amount & (ratio(cents, count, total) > UNUSUAL_TIMES)
    count, total = _usual(rows, here, rows.has_amount & ~habit.is_outlier, start)
    to_usual: Floats = np.where(has_amount, ratio(cents, count, total), np.nan)
    habit.to_usual[here] = to_usual
    unusual = running(habit.to_usual > UNUSUAL_TIMES)
    usual = np.divide(
        total.astype("float64"), count.astype("float64") * 100, out=np.full(len(here), np.nan), where=count > 0
    )
    found = {"customer_usual_amount_30d": usual, "amount_to_usual": to_usual}
    for days in RECENT_DAYS:
        found[f"customer_largest_to_usual_{days}d"] = largest_between(habit.to_usual, starts[days], here)
        found[f"customer_unusual_count_{days}d"] = unusual[here] - unusual[starts[days]]
    return found


def _usual(rows: Rows, here: Ints, counted: Flags, start: Ints) -> tuple[Ints, Ints]:
    """Number and sum in cents of the earlier payments of the usual window that are counted and not known as fraud."""
    line, frauds = rows.line, rows.frauds
    codes, micros, happened = line.codes[here], line.micros[here], line.micros[frauds.row]
    parts = []
    for values in (counted.astype("int64"), np.where(counted, rows.cents, 0)):
        sums = running(values)
        # A fraud counts as known from the moment after it happened: at its own time the order of ids decides.
        known = frauds.steps(line.codes, happened + 1, happened + USUAL_DAYS * DAY_MICROS, values[frauds.row])
        parts.append(sums[here] - sums[start] - known.at(codes, micros))
    return parts[0], parts[1]


def _same_before(rows: Rows, here: Ints, values: pa.ChunkedArray) -> np.ma.MaskedArray:
    """How many earlier payments of the same customer in the usual window have the row's value."""
    if values.null_count == len(values):
        return np.ma.MaskedArray(np.zeros(len(here), "int64"), mask=True)
    names = values.combine_chunks().dictionary_encode().indices
    known = names.is_valid().to_numpy(zero_copy_only=False)
    numbers = names.fill_null(0).to_numpy(zero_copy_only=False).astype("int64")
    pairs = rows.line.codes * (int(numbers.max(initial=0)) + 1) + numbers
    order = np.flatnonzero(known)
    order = order[np.argsort(pairs[order], kind="stable")]
    codes = np.cumsum(np.diff(pairs[order], prepend=pairs[order[:1]]) != 0)
    micros = rows.line.micros[order]
    line = Timeline(codes, micros)
    counts = np.zeros(len(rows), "int64")
    counts[order] = np.arange(len(order)) - line.up_to(codes, micros - USUAL_DAYS * DAY_MICROS)
    return np.ma.MaskedArray(counts[here], mask=~known[here])
