"""The running state: what arrived within the reach of features, and the features of what arrives next."""

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.features import FEATURES, USUAL_DAYS
from common.contracts.gold import TRANSACTION_FEATURES
from common.features.customers import PLACES, Habit, customer_features, explained_by_amount
from common.features.payments import payment_features
from common.features.reach import REACH_DAYS
from common.features.rows import Rows
from common.features.state.columns import Columns
from common.features.state.lines import UNKNOWN, Cut, Lines
from common.features.state.reports import Reports, Span, first_difference
from common.features.state.texts import Ids, Numbers
from common.features.terminals import terminal_features
from common.features.timeline import DAY_MICROS, NEVER, Flags, Frauds, Ints, Timeline
from common.settings import LABEL_DELAY_DAYS

LATE_DAYS = 7
"""How much later than the newest ones transactions may come and still be answered from memory."""

KEPT_DAYS = REACH_DAYS + LATE_DAYS
"""Days of history that are kept before the earliest transaction of the last batch."""

_FORGET_EVERY = DAY_MICROS // 4
_MOST_ROWS = 100_000
_KEYS = {"customer_id": "customer", "terminal_id": "terminal"}
_EMPTY: Mapping[str, np.generic] = {
    "micros": np.int64(NEVER),
    "cents": np.int64(0),
    "has_amount": np.bool_(False),
    **{name: np.int32(UNKNOWN) for name in (*_KEYS.values(), *PLACES)},
    "is_reported": np.bool_(False),
    "is_outlier": np.bool_(False),
    "to_usual": np.float64("nan"),
    "is_explained": np.bool_(False),
}


class FeatureState:
    """Transactions and labels that arrived, and the features of those asked for, as the full computation gives them.

    Rows may arrive in any order, and more than once: a transaction counts once by its id and date. A row's features
    are those that `transaction_features` gives for the same rows and labels, to the last bit. What happened up to
    `since` isn't held, so that rows before `answers_from` can't be answered.

    A label about a transaction that hasn't come yet is kept until the reach has passed what it was reported at.
    """

    def __init__(self, since: int, delay_days: int = LABEL_DELAY_DAYS, kept_days: int = KEPT_DAYS) -> None:
        """An empty state.

        Args:
            since: the event time, in microseconds since 1970, after which all transactions will be added.
            delay_days: days that reports of fraud are given to arrive.
            kept_days: days before the batch of the moment that are kept.

        """
        self.since = since
        self.rows_gathered = 0
        self._delay_days, self._kept_days = delay_days, kept_days
        self._columns = Columns(_EMPTY)
        self._texts = np.empty(0, object)
        self._ids = Ids()
        self._reports = Reports()
        self._spans: dict[int, tuple[Span, ...]] = {}
        self._lines = {name: Lines() for name in _KEYS.values()}
        self._numbers = {name: Numbers() for name in (*_KEYS.values(), *PLACES)}
        self._disturbed: dict[int, int] = {}
        """Customers, each with the time from which on its rows are to be computed."""

    def __len__(self) -> int:
        """How many transactions are held."""
        return self._columns.rows

    @property
    def answers_from(self) -> int:
        """The event time, in microseconds, after which features can be asked for."""
        return self.since + REACH_DAYS * DAY_MICROS

    def holds(self, transactions: pa.Table) -> Flags:
        """Which of the transactions it knows already. Those up to `since` count as known: it can't tell."""
        ids, micros = transactions["transaction_id"].to_pylist(), _micros(transactions["event_time"]).to_pylist()
        columns = self._columns["micros"]
        held = (
            time <= self.since or self._ids.find(id_, time // DAY_MICROS, columns) is not None
            for id_, time in zip(ids, micros, strict=True)
        )
        return np.fromiter(held, bool, len(ids))

    def answers(self, transactions: pa.Table) -> Flags:
        """Which of the transactions aren't too old to be answered."""
        is_young: Flags = _micros(transactions["event_time"]).to_numpy() > self.answers_from
        return is_young

    def learn(self, labels: pa.Table) -> None:
        """Takes labels: transaction_id, is_fraud, reported_at, in any order and as often as they come."""
        states = (labels["transaction_id"], _micros(labels["reported_at"]), labels["is_fraud"])
        changed: dict[str, None] = {}
        for id_, reported_at, is_fraud in zip(*(column.to_pylist() for column in states), strict=True):
            if id_ is not None and reported_at is not None:
                self._reports.add(id_, reported_at, is_fraud=bool(is_fraud))
                changed[id_] = None
        for id_ in changed:
            for place in self._ids.places(id_):
                self._judge(place)

    def add(self, transactions: pa.Table) -> None:
        """Takes transactions, columns as `INPUTS`, without asking for their features."""
        self._take(transactions)
        for _ in self._of_customers():
            pass

    def features(self, transactions: pa.Table) -> pa.Table:
        """Takes transactions, columns as `INPUTS`, and gives their features, in their order.

        Returns:
            The columns of gold.transaction_features.

        Raises:
            ValueError: one of them is older than what is held can answer.

        """
        micros = _micros(transactions["event_time"]).to_numpy()
        if not self.answers(transactions).all():
            raise ValueError(f"a transaction is older than {self.answers_from} microseconds: more history is needed")
        asked, row = np.unique(self._take(transactions), return_inverse=True)
        at_terminals: dict[int, int] = {}
        self._note_earliest(at_terminals, "terminal", asked)
        found = {
            f.name: np.ma.MaskedArray(np.zeros(len(asked), "float64" if f.type == "double" else "int64"), mask=True)
            for f in FEATURES
        }
        for places, values in chain(self._of_customers(), self._of_terminals(at_terminals)):
            at = np.searchsorted(asked, places)
            is_asked = at < len(asked)
            is_asked[is_asked] = asked[at[is_asked]] == places[is_asked]
            for name, column in values.items():
                chosen = column[is_asked]
                unknown = np.ma.getmaskarray(chosen) | (np.isnan(chosen) if chosen.dtype.kind == "f" else False)
                found[name][at[is_asked]] = np.ma.MaskedArray(chosen, mask=unknown)
        table = _answer(transactions, micros, {name: column[row] for name, column in found.items()})
        if len(micros):
            self._forget(int(micros.min()) - self._kept_days * DAY_MICROS)
        return table

    def _take(self, transactions: pa.Table) -> Ints:
        """The places of transactions; those that are new are added. What is older than all that is held is left out."""
        micros = _micros(transactions["event_time"])
        transactions = transactions.append_column("micros", micros).filter(pc.greater(micros, self.since))
        times = transactions["micros"].to_numpy()
        ids = transactions["transaction_id"].to_pylist()
        places, is_new = np.zeros(len(ids), "int64"), np.zeros(len(ids), bool)
        free = iter(self._columns.take(len(ids)).tolist())
        if len(self._texts) < len(self._columns["micros"]):
            self._texts = np.concatenate(
                (self._texts, np.empty(len(self._columns["micros"]) - len(self._texts), object))
            )
        all_micros, days = self._columns["micros"], (times // DAY_MICROS).tolist()
        for number, (id_, day) in enumerate(zip(ids, days, strict=True)):
            place = self._ids.find(id_, day, all_micros)
            if place is None:
                place = next(free)
                is_new[number] = True
                all_micros[place] = times[number]
                self._texts[place] = id_
                self._ids.add(id_, place)
            places[number] = place
        self._columns.free(np.fromiter(free, "int64"))
        self._fill(places[is_new], transactions.filter(is_new))
        self._note_earliest(self._disturbed, "customer", places)
        for place in places[is_new].tolist():
            if self._texts[place] in self._reports:
                self._judge(place)
        return places

    def _fill(self, places: Ints, rows: pa.Table) -> None:
        """Writes the columns of new rows, and adds them to their customers' and terminals' rows."""
        columns, cents = self._columns, _cents(rows["amount_eur"])
        columns["cents"][places] = cents.fill_null(0).to_numpy()
        columns["has_amount"][places] = cents.is_valid().to_numpy()
        for name, column in {**{v: k for k, v in _KEYS.items()}, **{name: name for name in PLACES}}.items():
            columns[name][places] = self._numbers[name].of(rows[column])
        for key, lines in self._lines.items():
            sorted_by = pa.table([columns[key][places], rows["micros"], rows["transaction_id"]], ["key", "time", "id"])
            order = pc.sort_indices(sorted_by, [(name, "ascending") for name in sorted_by.column_names]).to_numpy()
            lines.insert(columns[key][places[order]], places[order], columns["micros"], self._texts)

    def _note_earliest(self, since: dict[int, int], key: str, places: Ints) -> None:
        """Notes the earliest time of the rows of each key, unless an earlier one is noted."""
        numbers, times = self._columns[key][places].tolist(), self._columns["micros"][places].tolist()
        for number, time in zip(numbers, times, strict=True):
            if number != UNKNOWN:
                since[number] = min(time, since.get(number, time))

    def _judge(self, place: int) -> None:
        """Takes what labels say of a row; where that is new, its customer's later rows are disturbed."""
        old, new = self._spans.get(place, ()), self._reports.spans(self._texts[place])
        changed_at = first_difference(old, new)
        if changed_at is None:
            return
        self._spans[place] = new
        micros, customer = self._columns["micros"], int(self._columns["customer"][place])
        self._columns["is_reported"][place] = bool(new)
        newest = self._lines["customer"].last(customer)
        since = max(changed_at, int(micros[place]) + 1)
        if newest is not None and since <= micros[newest]:
            self._disturbed[customer] = min(since, self._disturbed.get(customer, since))

    def _of_customers(self) -> Iterator[tuple[Ints, Mapping[str, np.ndarray]]]:
        """Computes the disturbed rows of customers: places, and features by name."""
        columns = self._columns
        for places, rows, asked in self._gathered("customer", self._disturbed, USUAL_DAYS):
            values = {name: pa.array(columns[name][places], mask=columns[name][places] == UNKNOWN) for name in PLACES}
            habit = Habit(columns["is_outlier"][places], columns["to_usual"][places])
            found = customer_features(rows, pa.table(values), asked, habit)
            columns["is_outlier"][places[asked]] = habit.is_outlier[asked]
            columns["to_usual"][places[asked]] = habit.to_usual[asked]
            columns["is_explained"][places[asked]] = explained_by_amount(rows, asked)
            yield places[asked], found
        self._disturbed.clear()

    def _of_terminals(self, since: Mapping[int, int]) -> Iterator[tuple[Ints, Mapping[str, np.ndarray]]]:
        """Computes rows at terminals from a time on: places, and features by name. After those of customers."""
        for places, rows, asked in self._gathered("terminal", since, USUAL_DAYS + self._delay_days):
            is_explained = self._columns["is_explained"][places]
            yield places[asked], terminal_features(rows, is_explained, self._delay_days, asked)

    def _gathered(self, key: str, since: Mapping[int, int], days: int) -> Iterator[tuple[Ints, Rows, Ints]]:
        """The rows of keys from a time on, each its own, and those of so many days before that time, in parts.

        Places of the rows, the rows sorted by key, and which of them are from that time on.
        """
        micros = self._columns["micros"]
        for cut in self._lines[key].cuts(since, days * DAY_MICROS, micros, _MOST_ROWS):
            self.rows_gathered += len(cut.places)
            is_asked = micros[cut.places] >= np.repeat(cut.since, cut.lengths)
            yield cut.places, self._rows(cut), np.flatnonzero(is_asked)

    def _rows(self, cut: Cut) -> Rows:
        columns, places = self._columns, cut.places
        codes = np.repeat(np.arange(len(cut.lengths)), cut.lengths)
        reported = np.flatnonzero(columns["is_reported"][places]).tolist()
        spans = [(row, *span) for row in reported for span in self._spans[places[row]]]
        frauds = np.array(spans, "int64").reshape(-1, 3)
        return Rows(
            line=Timeline(codes, columns["micros"][places]),
            has_key=np.ones(len(places), bool),
            cents=columns["cents"][places],
            has_amount=columns["has_amount"][places],
            frauds=Frauds(frauds[:, 0], frauds[:, 1], frauds[:, 2]),
        )

    def _forget(self, until: int) -> None:
        """Drops what happened up to a time, now and then: the work is in proportion to what is dropped."""
        if until - self.since < _FORGET_EVERY:
            return
        self.since = until
        columns, micros = self._columns, self._columns["micros"]
        old = np.flatnonzero(micros <= until)
        for key, lines in self._lines.items():
            lines.forget(np.unique(columns[key][old]).tolist(), until, micros)
        for place in old.tolist():
            self._ids.remove(self._texts[place], place)
            self._spans.pop(place, None)
            self._texts[place] = None
        columns.free(old)
        self._reports.forget(until, self._ids.places)
        for name, numbers in self._numbers.items():
            numbers.keep(columns[name])


def _micros(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("us", times.type.tz)).cast(pa.int64())


def _cents(amounts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.multiply(amounts.cast(pa.decimal128(18, 2)), pa.scalar(100, pa.decimal128(3, 0))).cast(pa.int64())


def _answer(transactions: pa.Table, micros: Ints, found: dict[str, np.ma.MaskedArray]) -> pa.Table:
    """The columns of gold.transaction_features."""
    cents = _cents(transactions["amount_eur"])
    days = transactions["event_date"].cast(pa.int32()).to_numpy()
    known = cents.is_valid().to_numpy()
    found |= payment_features(micros, days, cents.fill_null(0).to_numpy(), known)
    types = {"double": pa.float64(), "bigint": pa.int64(), "boolean": pa.bool_()}
    columns = []
    for column in TRANSACTION_FEATURES.columns:
        if column.name not in found:
            columns.append(transactions[column.name])
            continue
        values = found[column.name]
        columns.append(pa.array(values.data, mask=np.ma.getmaskarray(values)).cast(types[column.type]))
    return pa.table(columns, TRANSACTION_FEATURES.column_names)
