"""Rows of many keys in time, and what each key had before a moment: all by running sums and binary search.

What a key had in (t - w, t] is what it had up to t less what it had up to t - w. Running sums of integers are exact, so
the difference is too, whatever came before: any split of the work gives the same to the last bit. A key with many rows
costs no more than its share.
"""

from dataclasses import dataclass

import numpy as np

DAY_MICROS = 86_400_000_000
NEVER = 2**62
"""A time, in microseconds since 1970, after all others."""

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class Timeline:
    """Moments of keys: `codes` says whose (small numbers from 0), `micros` when. Sorted by both."""

    def __init__(self, codes: Ints, micros: Ints) -> None:
        self.codes = codes
        self.micros = micros
        times = np.sort(micros)  # np.unique hashes, which takes longer
        self._times = times[np.diff(times, prepend=times[:1] - 1) != 0]
        self._moments = self._moment(codes, micros)

    def up_to(self, codes: Ints, micros: Ints) -> Ints:
        """For each code and time the place after the code's last row at that time or before it.

        Places of one code can be subtracted: the rows of `self` between two places are its rows between the times.
        """
        return np.searchsorted(self._moments, self._moment(codes, micros), side="right")

    def first(self, codes: Ints) -> Ints:
        """For each code the place of its first row."""
        return np.searchsorted(self._moments, codes * (len(self._times) + 1), side="right")

    def _moment(self, codes: Ints, micros: Ints) -> Ints:
        """One number for code and time, in their order.

        By the number of the timeline's own times up to it: codes times microseconds would not fit into 64 bits where
        many keys meet one time that is far off.
        """
        moments: Ints = codes * (len(self._times) + 1) + np.searchsorted(self._times, micros, side="right")
        return moments


def running(values: np.ndarray) -> Ints:
    """The sums of the first 0, 1, ... values."""
    return np.concatenate((np.zeros(1, "int64"), np.cumsum(values, dtype="int64")))


def largest_between(values: Floats, start: Ints, end: Ints) -> Floats:
    """For each pair the largest of values[start:end], NaN where there is none; NaN among the values doesn't count.

    By the largest of 1, 2, 4, ... values from each place on: two of them cover any range.
    """
    longest = int((end - start).max()) if len(end) else 0
    level = np.where(np.isnan(values), -np.inf, values)
    levels: list[Floats] = []
    while 2 ** len(levels) <= longest:
        levels.append(level)
        step = 2 ** (len(levels) - 1)
        level = np.maximum(level, np.concatenate((level[step:], np.full(min(step, len(level)), -np.inf))))
    found = np.full(len(start), -np.inf)
    lengths = end - start
    for number, level in enumerate(levels):
        chosen = (lengths >= 2**number) & (lengths < 2 ** (number + 1))
        found[chosen] = np.maximum(level[start[chosen]], level[end[chosen] - 2**number])
    return np.where(np.isinf(found), np.nan, found)


@dataclass(frozen=True)
class Frauds:
    """The times during which rows were known to be fraud.

    `row` is the place of the row, `known_from` the first microsecond, `known_until` the first at which it isn't known
    any more (`NEVER`: none). In the order of rows.
    """

    row: Ints
    known_from: Ints
    known_until: Ints

    def steps(self, codes: Ints, start: Ints, end: Ints, values: Ints) -> "Steps":
        """Where the sum of `values` (one a span) of frauds known goes up and down, when span i counts in [start, end).

        A fraud counts no earlier than it is known, and no longer.
        """
        begin, stop = np.maximum(start, self.known_from), np.minimum(end, self.known_until)
        counts = (begin < stop) & (values != 0)
        owners, amounts = codes[self.row[counts]], values[counts]
        return Steps(
            np.concatenate((owners, owners)),
            np.concatenate((begin[counts], stop[counts])),
            np.concatenate((amounts, -amounts)),
        )

    def are_known(self, rows: Ints, micros: Ints) -> Flags:
        """Whether each of the rows was known to be fraud at the time beside it."""
        first, end = np.searchsorted(self.row, rows, "left"), np.searchsorted(self.row, rows, "right")
        found = np.zeros(len(rows), bool)
        while (open_ := first < end).any():
            span = first[open_]
            found[open_] |= (self.known_from[span] <= micros[open_]) & (micros[open_] < self.known_until[span])
            first = first + open_
        return found


class Steps:
    """A number of each key that goes up and down in time."""

    def __init__(self, codes: Ints, micros: Ints, values: Ints) -> None:
        order = np.lexsort((micros, codes))
        self._line = Timeline(codes[order], micros[order])
        self._sums = running(values[order])

    def at(self, codes: Ints, micros: Ints) -> Ints:
        """The number of each code at the time beside it."""
        sums: Ints = self._sums[self._line.up_to(codes, micros)] - self._sums[self._line.first(codes)]
        return sums
