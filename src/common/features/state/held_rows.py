"""The transactions that are held: their columns, and each customer's and terminal's rows in order."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.features.customers import PLACES
from common.features.state.columns import Columns
from common.features.state.lines import UNKNOWN, Cut, Lines
from common.features.state.tables import cents_of
from common.features.state.texts import Ids, Numbers
from common.features.timeline import DAY_MICROS, NEVER, Ints

CUSTOMER, TERMINAL = "customer", "terminal"
_KEYS = {CUSTOMER: "customer_id", TERMINAL: "terminal_id"}
_NUMBERED = {**_KEYS, **{name: name for name in PLACES}}
"""Columns that hold numbers for texts, and the column of silver.transactions that each is of."""

_MOST_ROWS = 100_000
_EMPTY: Mapping[str, np.generic] = {
    "micros": np.int64(NEVER),
    "cents": np.int64(0),
    "has_amount": np.bool_(False),
    **{name: np.int32(UNKNOWN) for name in _NUMBERED},
    "is_reported": np.bool_(False),
    "is_outlier": np.bool_(False),
    "to_usual": np.float64("nan"),
    "is_explained": np.bool_(False),
}


class HeldRows:
    """Transactions, each at a place of its own.

    `columns` are theirs and, of what is worked out, `is_reported` and the columns of `Habit`.
    """

    def __init__(self) -> None:
        self.columns = Columns(_EMPTY)
        self._texts = np.empty(0, object)
        self._ids = Ids()
        self._lines = {name: Lines() for name in _KEYS}
        self._numbers = {name: Numbers() for name in _NUMBERED}

    def __len__(self) -> int:
        return self.columns.rows

    def places_of(self, id_: str) -> list[int]:
        """Where the transactions with this id are."""
        return self._ids.places(id_)

    def is_held(self, id_: str, micros: int) -> bool:
        """Whether the transaction with this id and event time is there."""
        return self._ids.find(id_, micros // DAY_MICROS, self.columns["micros"]) is not None

    def id_of(self, place: int) -> str:
        """The transaction_id of a row."""
        return str(self._texts[place])

    def take(self, rows: pa.Table, micros: Ints) -> tuple[Ints, Ints]:
        """Adds the rows that aren't there, columns as `INPUTS`: the places of all, and of those added."""
        ids, times = rows["transaction_id"].to_pylist(), micros.tolist()
        places, is_new = np.zeros(len(ids), "int64"), np.zeros(len(ids), bool)
        free = iter(self.columns.take(len(ids)).tolist())
        all_micros = self.columns["micros"]
        if grown := len(all_micros) - len(self._texts):
            self._texts = np.concatenate((self._texts, np.empty(grown, object)))
        for number, (id_, time) in enumerate(zip(ids, times, strict=True)):
            place = self._ids.find(id_, time // DAY_MICROS, all_micros)
            if place is None:
                place = next(free)
                is_new[number] = True
                all_micros[place] = time
                self._texts[place] = id_
                self._ids.add(id_, place)
            places[number] = place
        self.columns.free(np.fromiter(free, "int64"))
        self._fill(places[is_new], rows.filter(is_new))
        return places, places[is_new]

    def newest(self, key: str, number: int) -> int | None:
        """The event time of a key's newest row, in microseconds."""
        place = self._lines[key].last(number)
        return None if place is None else int(self.columns["micros"][place])

    def cuts(self, key: str, since: Mapping[int, int], days: int) -> Iterator[Cut]:
        """The keys' rows from so many days before the time of each, in parts."""
        return self._lines[key].cuts(since, days * DAY_MICROS, self.columns["micros"], _MOST_ROWS)

    def forget(self, until: int) -> list[int]:
        """Drops what happened up to a time: the places that it had."""
        columns, micros = self.columns, self.columns["micros"]
        old = np.flatnonzero(micros <= until)
        for key, lines in self._lines.items():
            lines.forget(np.unique(columns[key][old]).tolist(), until, micros)
        places = old.tolist()
        for place in places:
            self._ids.remove(self._texts[place], place)
            self._texts[place] = None
        columns.free(old)
        for name, numbers in self._numbers.items():
            numbers.keep(columns[name])
        return places

    def _fill(self, places: Ints, rows: pa.Table) -> None:
        """Writes the columns of new rows, and adds them to their customers' and terminals' rows."""
        columns, cents = self.columns, cents_of(rows["amount_eur"])
        columns["cents"][places] = cents.fill_null(0).to_numpy()
        columns["has_amount"][places] = cents.is_valid().to_numpy()
        for name, column in _NUMBERED.items():
            columns[name][places] = self._numbers[name].of(rows[column])
        for key, lines in self._lines.items():
            values = [columns[key][places], columns["micros"][places], rows["transaction_id"]]
            by_key = pa.table(values, ["key", "micros", "id"])
            order = pc.sort_indices(by_key, [(name, "ascending") for name in by_key.column_names]).to_numpy()
            lines.insert(columns[key][places[order]], places[order], columns["micros"], self._texts)
