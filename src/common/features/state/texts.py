"""What rows are known by: their ids, and numbers that stand for texts."""

import numpy as np
import pyarrow as pa

from common.features.state.lines import UNKNOWN
from common.features.timeline import DAY_MICROS, Ints


class Numbers:
    """A number for each text, given when it is first seen."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._look_at = 1000

    def of(self, values: pa.ChunkedArray) -> Ints:
        """The numbers of a column; `UNKNOWN` for null."""
        encoded = values.combine_chunks().dictionary_encode()
        numbers = [self._number(text) for text in encoded.dictionary.to_pylist()]
        indices = encoded.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
        found: Ints = np.array([*numbers, UNKNOWN])[indices]
        return found

    def keep(self, used: Ints) -> None:
        """Forgets the texts whose numbers aren't used any more, now and then."""
        if len(self._numbers) > self._look_at:
            kept = set(np.unique(used).tolist())
            self._numbers = {text: number for text, number in self._numbers.items() if number in kept}
            self._look_at = 2 * len(self._numbers) + 1000

    def _number(self, text: str) -> int:
        found = self._numbers.setdefault(text, self._next)
        self._next += found == self._next
        return found


class Ids:
    """The places of rows by transaction_id: one, or one for each date that has the id."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._others: dict[str, list[int]] = {}

    def places(self, id_: str) -> list[int]:
        """Where the rows with this id are."""
        first = self._first.get(id_)
        return [] if first is None else [first, *self._others.get(id_, ())]

    def find(self, id_: str, day: int, micros: Ints) -> int | None:
        """Where the row with this id on a day (since 1970) is."""
        return next((place for place in self.places(id_) if micros[place] // DAY_MICROS == day), None)

    def add(self, id_: str, place: int) -> None:
        """Notes a row."""
        if self._first.setdefault(id_, place) != place:
            self._others.setdefault(id_, []).append(place)

    def remove(self, id_: str, place: int) -> None:
        """Forgets a row."""
        rest = [other for other in self.places(id_) if other != place]
        self._first.pop(id_)
        self._others.pop(id_, None)
        for other in rest:
            self.add(id_, other)
