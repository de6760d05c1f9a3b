"""The running state: what arrived within the reach of features, and the features of what arrives next."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import chain

import numpy as np
import pyarrow as pa

from common.contracts.features import FEATURES, USUAL_DAYS
from common.features.customers import PLACES, Habit, customer_features
from common.features.reach import REACH_DAYS
from common.features.rows import Rows
from common.features.state.held_rows import CUSTOMER, TERMINAL, HeldRows
from common.features.state.lines import UNKNOWN, Cut
from common.features.state.reports import Reports, Span, first_difference
from common.features.state.tables import feature_table, micros_of
from common.features.terminals import terminal_features
from common.features.timeline import DAY_MICROS, Flags, Frauds, Ints, Timeline
from common.settings import LABEL_DELAY_DAYS

LATE_DAYS = 7
"""How much later than the newest ones transactions may come and still be answered from memory."""

KEPT_DAYS = REACH_DAYS + LATE_DAYS
"""Days of history that are kept before the earliest transaction of the last batch."""

_FORGET_EVERY = DAY_MICROS // 4


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
        self._rows = HeldRows()
        self._reports = Reports()
        self._spans: dict[int, tuple[Span, ...]] = {}
        self._disturbed: dict[int, int] = {}
        """Customers, each with the time from which on its rows are to be computed."""

    def __len__(self) -> int:
        """How many transactions are held."""
        return len(self._rows)

    @property
    def answers_from(self) -> int:
        """The event time, in microseconds, after which features can be asked for."""
        return self.since + REACH_DAYS * DAY_MICROS

    def holds(self, transactions: pa.Table) -> Flags:
        """Which of the transactions it knows already. Those up to `since` count as known: it can't tell."""
        ids, micros = transactions["transaction_id"].to_pylist(), micros_of(transactions["event_time"]).to_pylist()
        known = (time <= self.since or self._rows.is_held(id_, time) for id_, time in zip(ids, micros, strict=True))
        return np.fromiter(known, bool, len(ids))

    def answers(self, transactions: pa.Table) -> Flags:
        """Which of the transactions aren't too old to be answered."""
        is_young: Flags = micros_of(transactions["event_time"]).to_numpy() > self.answers_from
        return is_young

    def learn(self, labels: pa.Table) -> None:
        """Takes labels: transaction_id, is_fraud, reported_at, in any order and as often as they come."""
        states = (labels["transaction_id"], micros_of(labels["reported_at"]), labels["is_fraud"])
        changed: dict[str, None] = {}
        for id_, reported_at, is_fraud in zip(*(column.to_pylist() for column in states), strict=True):
            if id_ is not None and reported_at is not None:
                self._reports.add(id_, reported_at, is_fraud=bool(is_fraud))
                changed[id_] = None
        for id_ in changed:
            for place in self._rows.places_of(id_):
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
        micros = micros_of(transactions["event_time"]).to_numpy()
        if not self.answers(transactions).all():
            raise ValueError(f"a transaction is older than {self.answers_from} microseconds: more history is needed")
        asked, row = np.unique(self._take(transactions), return_inverse=True)
        at_terminals: dict[int, int] = {}
        self._note_earliest(at_terminals, TERMINAL, asked)
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
        table = feature_table(transactions, micros, {name: column[row] for name, column in found.items()})
        if len(micros):
            self._forget(int(micros.min()) - self._kept_days * DAY_MICROS)
        return table

    def _take(self, transactions: pa.Table) -> Ints:
        """The places of transactions; those that are new are added. What is older than all that is held is left out."""
        micros = micros_of(transactions["event_time"]).to_numpy()
        within = micros > self.since
        places, new = self._rows.take(transactions.filter(within), micros[within])
        self._note_earliest(self._disturbed, CUSTOMER, places)
        for place in new.tolist():
            if self._rows.id_of(place) in self._reports:
                self._judge(place)
        return places

    def _note_earliest(self, since: dict[int, int], key: str, places: Ints) -> None:
        """Notes the earliest time of the rows of each key, unless an earlier one is noted."""
        numbers, times = self._rows.columns[key][places].tolist(), self._rows.columns["micros"][places].tolist()
        for number, time in zip(numbers, times, strict=True):
            if number != UNKNOWN:
                since[number] = min(time, since.get(number, time))

    def _judge(self, place: int) -> None:
        """Takes what labels say of a row; where that is new, its customer's later rows are disturbed."""
        old, new = self._spans.get(place, ()), self._reports.spans(self._rows.id_of(place))
        changed_at = first_difference(old, new)
        if changed_at is None:
            return
        self._spans[place] = new
        columns = self._rows.columns
        columns["is_reported"][place] = bool(new)
        customer, since = int(columns[CUSTOMER][place]), max(changed_at, int(columns["micros"][place]) + 1)
        newest = self._rows.newest(CUSTOMER, customer)
        if newest is not None and since <= newest:
            self._disturbed[customer] = min(since, self._disturbed.get(customer, since))

    def _of_customers(self) -> Iterator[tuple[Ints, Mapping[str, np.ndarray]]]:
        """Computes the disturbed rows of customers: places, and features by name."""
        columns = self._rows.columns
        for places, rows, asked in self._gathered(CUSTOMER, self._disturbed, USUAL_DAYS):
            values = {name: pa.array(columns[name][places], mask=columns[name][places] == UNKNOWN) for name in PLACES}
            habit = Habit(**{kept.name: columns[kept.name][places] for kept in fields(Habit)})
            found = customer_features(rows, pa.table(values), asked, habit)
            for kept in fields(Habit):
                columns[kept.name][places[asked]] = getattr(habit, kept.name)[asked]
            yield places[asked], found
        self._disturbed.clear()

    def _of_terminals(self, since: Mapping[int, int]) -> Iterator[tuple[Ints, Mapping[str, np.ndarray]]]:
        """Computes rows at terminals from a time on: places, and features by name. After those of customers."""
        for places, rows, asked in self._gathered(TERMINAL, since, USUAL_DAYS + self._delay_days):
            is_explained = self._rows.columns["is_explained"][places]
            yield places[asked], terminal_features(rows, is_explained, self._delay_days, asked)

    def _gathered(self, key: str, since: Mapping[int, int], days: int) -> Iterator[tuple[Ints, Rows, Ints]]:
        """The rows of keys from a time on, each its own, and those of so many days before that time, in parts.

        Places of the rows, the rows sorted by key, and which of them are from that time on.
        """
        micros = self._rows.columns["micros"]
        for cut in self._rows.cuts(key, since, days):
            self.rows_gathered += len(cut.places)
            is_asked = micros[cut.places] >= np.repeat(cut.since, cut.lengths)
            yield cut.places, self._cut_rows(cut), np.flatnonzero(is_asked)

    def _cut_rows(self, cut: Cut) -> Rows:
        columns, places = self._rows.columns, cut.places
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
        for place in self._rows.forget(until):
            self._spans.pop(place, None)
        self._reports.forget(until, self._rows.places_of)
