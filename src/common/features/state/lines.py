"""The rows of each key in their order, of which windows are cut."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from common.features.timeline import Ints

UNKNOWN = -1
"""The key of a row that has none."""

_NO_ROWS = np.zeros(0, "int32")


@dataclass(frozen=True)
class Cut:
    """Rows of several keys: their places key by key in order, and how many of each key.

    `since`: of each key, the time from which on its rows are asked for.
    """

    places: Ints
    lengths: Ints
    since: Ints


class Lines:
    """Places of rows by key, sorted by time and transaction_id."""

    def __init__(self) -> None:
        self._lines: dict[int, np.ndarray] = {}

    def insert(self, keys: Ints, places: Ints, micros: Ints, ids: np.ndarray) -> None:
        """Adds rows that are sorted by key, time and id; `micros` and `ids` are the columns of all rows."""
        if not len(keys):
            return
        begins = np.flatnonzero(np.diff(keys, prepend=UNKNOWN - 1))
        for key, new in zip(keys[begins].tolist(), np.split(places.astype("int32"), begins[1:]), strict=True):
            if key != UNKNOWN:
                line = self._lines.get(key, _NO_ROWS)
                if len(line) and micros[new[0]] <= micros[line[-1]]:
                    self._lines[key] = np.insert(line, [_position(line, place, micros, ids) for place in new], new)
                else:
                    self._lines[key] = np.concatenate((line, new))

    def last(self, key: int) -> int | None:
        """The place of the key's newest row."""
        line = self._lines.get(key)
        return None if line is None else int(line[-1])

    def cuts(self, since: Mapping[int, int], before_micros: int, micros: Ints, most_rows: int) -> Iterator[Cut]:
        """The keys' rows from so long before the time beside each, in parts of about `most_rows` rows."""
        lines: list[np.ndarray] = []
        begins: list[int] = []
        rows = 0
        for key, begin in since.items():
            line = self._lines.get(key, _NO_ROWS)
            lines.append(line[_after(line, begin - before_micros, micros) :])
            begins.append(begin)
            rows += len(lines[-1])
            if rows >= most_rows:
                yield _joined(lines, begins)
                lines, begins, rows = [], [], 0
        if rows:
            yield _joined(lines, begins)

    def forget(self, keys: Iterable[int], until: int, micros: Ints) -> None:
        """Drops the keys' rows up to a time."""
        for key in keys:
            line = self._lines.get(key, _NO_ROWS)
            rest = line[_after(line, until, micros) :]
            if len(rest):
                self._lines[key] = rest.copy()  # a slice would keep the whole
            else:
                self._lines.pop(key, None)


def _after(line: np.ndarray, time: int, micros: Ints) -> int:
    return bisect_right(line, time, key=micros.__getitem__)


def _position(line: np.ndarray, place: int, micros: Ints, ids: np.ndarray) -> int:
    """Where a row belongs: by its time, among those of that time by its id."""
    first, end = bisect_left(line, micros[place], key=micros.__getitem__), _after(line, micros[place], micros)
    return first + bisect_left(line[first:end], ids[place], key=ids.__getitem__)


def _joined(lines: list[np.ndarray], begins: list[int]) -> Cut:
    lengths = np.fromiter(map(len, lines), "int64", len(lines))
    return Cut(np.concatenate(lines), lengths, np.array(begins, "int64"))
