"""Columns of numbers in memory that grow, and whose places are given to new rows when old ones are forgotten."""

from collections.abc import Mapping

import numpy as np

from common.features.timeline import Ints

_SMALLEST = 1024


class Columns:
    """Arrays of one length by name; a row is a place in them. What a free place holds is its column's `empty`."""

    def __init__(self, empty: Mapping[str, np.generic]) -> None:
        self._empty = dict(empty)
        self._arrays = {name: np.full(_SMALLEST, value) for name, value in self._empty.items()}
        self._free = np.arange(_SMALLEST)[::-1]

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of a column; a later `take` may replace it by a longer one."""
        return self._arrays[name]

    @property
    def rows(self) -> int:
        """How many places are taken."""
        return self._size - len(self._free)

    def take(self, count: int) -> Ints:
        """Free places for so many rows."""
        if count > len(self._free):
            size = max(self._size * 5 // 4, self.rows + count)
            added = np.arange(self._size, size)[::-1]
            for name, empty in self._empty.items():
                self._arrays[name] = np.concatenate((self._arrays[name], np.full(len(added), empty)))
            self._free = np.concatenate((added, self._free))
        places = self._free[len(self._free) - count :][::-1]
        self._free = self._free[: len(self._free) - count]
        return places

    def free(self, places: Ints) -> None:
        """Gives places back."""
        for name, empty in self._empty.items():
            self._arrays[name][places] = empty
        self._free = np.concatenate((self._free, places))

    @property
    def _size(self) -> int:
        return len(next(iter(self._arrays.values())))
