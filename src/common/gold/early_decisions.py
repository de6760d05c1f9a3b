"""Transactions decided as they come from a feed, before bronze and silver have them, and then those of silver."""

import time
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.checks.findings import Finding, record
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import IS_PURCHASE, TRANSACTIONS
from common.features.state.running import MOST_HELD
from common.features.transactions import INPUTS
from common.gold.running_scores import MOST_ROWS, RunningScores, Scored
from common.gold.transaction_scores import insert_scores, note_models, scorer_of
from common.ml.models_in_use import ModelsInUse
from common.ml.scoring import ADDED, SHADOW
from common.storage.lake import Lake, Once

MOST_ARRIVED = 4 * MOST_ROWS
"""Rows that a micro-batch may have to be taken in one process. Of a larger one silver's rows are spread over the
workers, and the records that came ahead are decided when silver has them."""

PAUSE_SECONDS = 600
"""The pause before a history that was too large for memory is tried again."""

_TOO_LARGE = (
    f"the history that features reach has more than {MOST_HELD:,} transactions, the most that memory may hold: they "
    f"wait for silver, and this is tried again every {PAUSE_SECONDS // 60} minutes"
)

PATH, ORDINAL = "_path", "_ordinal"
"""Where a record that came ahead was, by which silver accepts the first of two with one key; null in silver's rows."""

PURCHASED = "_is_purchase"
"""Whether money was spent. Refunds aren't scored, but have keys: silver accepts no purchase whose key a refund has."""

Key = tuple[Any, ...]
_KEY = TRANSACTION_SCORES.lookup_key
_DAY = _KEY.index("event_date")


class Decisions:
    """Decides micro-batches one after the other, in one process: columns `INPUTS`, `PATH`, `ORDINAL`, `PURCHASED`.

    It is the only writer of gold.transaction_scores while it goes on. Records that came ahead are decided where their
    key was never seen. All others are silver's to decide on: what is late, what is a duplicate of something that
    silver has, and all that came while a batch was too large. Of silver's rows those that were decided ahead are known,
    and the others are scored, unless the table has them.
    """

    def __init__(self, in_use: ModelsInUse) -> None:
        self._in_use = in_use
        self._running = RunningScores(self._ahead)
        self._waiting: dict[Key, Mapping[str, Any]] = {}
        """What was decided here and silver hasn't brought since, by its key."""
        self._schema: pa.Schema | None = None
        self._decided: Collection[Key] = ()
        """What another process decided and silver hasn't brought, of the days since `_decided_since`."""
        self._decided_since = date.max
        self._refunds: set[Key] = set()
        """Refunds of those days, from silver or ahead."""
        self._is_held = True
        """Whether the history can be held in memory. While it is too large, the workers score what silver has."""
        self._tries_at = 0.0
        """When to try again to hold it, by the clock that nobody sets."""

    def step(self, lake: Lake, batch: DataFrame, once: Once) -> None:
        """Scores what is new in a micro-batch, and commits it."""
        note_models(lake, self._in_use, self._in_use.ask(lake.settings, FEATURE_NAMES))
        arrived = batch.limit(MOST_ARRIVED + 1).toArrow()
        if arrived.num_rows > MOST_ARRIVED:
            self._leave_to_workers(lake, batch, once)
            return
        self.take(lake, arrived, once)

    def take(self, lake: Lake, arrived: pa.Table, once: Once) -> None:
        """As `step`, of rows that are here already: `MOST_ARRIVED` at most, by the models that are in use."""
        self._schema = arrived.select(INPUTS).schema
        came_ahead = pc.is_valid(arrived[PATH])
        accepted = self._not_waiting(arrived.filter(pc.invert(came_ahead)))
        first = first_of_each(arrived.filter(came_ahead), self._waiting, self._refunds, {*_keys(accepted)})
        self._refunds.update(_keys(first.filter(pc.invert(first[PURCHASED]))))
        ahead = first.filter(first[PURCHASED]).select(INPUTS)
        if ahead.num_rows and self._may_hold():
            self._decide(lake, ahead)
        if accepted.num_rows:
            self._score_accepted(lake, accepted, Once(f"{once.writer} accepted", once.version))

    def _decide(self, lake: Lake, ahead: pa.Table) -> None:
        """Decides records that came ahead, each key once."""
        unseen = self._running.features.unseen(lake, ahead)
        if unseen is None:
            self._note_held(lake, is_held=False)
            return
        day = unseen.answers_from.date()
        if day < self._decided_since:
            self._decided = _decided_since(lake, day, unseen.loaded_at)
            self._refunds |= _refunds_since(lake, day)
        elif day > self._decided_since:
            self._drop_before(day)
        self._decided_since = day
        is_new = [
            flag and key not in self._refunds for flag, key in zip(unseen.flags.tolist(), _keys(ahead), strict=True)
        ]
        new = ahead.filter(pa.array(is_new, pa.bool_()))
        found = self._scored(lake, new)
        if found is None:
            return
        rows = found.rows.filter(pa.array([key not in self._decided for key in _keys(found.rows)], pa.bool_()))
        if rows.num_rows:
            # Without the write's name: it is new at every start, so that nothing was written under it before. To look
            # for it Delta would read the table's whole log at every commit.
            lake.append(lake.spark.createDataFrame(rows), TRANSACTION_SCORES)
        self._waiting.update(zip(_keys(new), new.to_pylist(), strict=True))

    def _score_accepted(self, lake: Lake, accepted: pa.Table, once: Once) -> None:
        """Scores rows of silver, unless they are."""
        found = self._scored(lake, accepted) if self._may_hold() and accepted.num_rows <= MOST_ROWS else None
        if found is None:
            self._running.features.forget()
            insert_scores(lake, lake.spark.createDataFrame(accepted), self._in_use, once)
        else:
            rows = lake.spark.createDataFrame(found.rows)
            lake.insert_new(rows, TRANSACTION_SCORES, once, scope_of=found.dates)

    def _scored(self, lake: Lake, rows: pa.Table) -> Scored | None:
        found = self._running.scored_rows(lake, rows, scorer_of(self._in_use), ADDED | SHADOW)
        self._note_held(lake, is_held=found is not None)
        return found

    def _may_hold(self) -> bool:
        return self._is_held or time.monotonic() >= self._tries_at

    def _note_held(self, lake: Lake, *, is_held: bool) -> None:
        """Notes whether the history can be held, and says so where that changes."""
        if not is_held:
            self._tries_at = time.monotonic() + PAUSE_SECONDS
        if is_held != self._is_held:
            self._is_held = is_held
            details = "transactions are decided as they come" if is_held else _TOO_LARGE
            record(lake, [Finding(TRANSACTION_SCORES.name, "decided_early", is_held, details, "warning")])

    def _not_waiting(self, accepted: pa.Table) -> pa.Table:
        """The purchases of silver that weren't decided here; the others wait no longer."""
        is_other, differ = [], False
        rows, purchased = accepted.select(INPUTS), accepted[PURCHASED].to_pylist()
        self._refunds.update(_keys(accepted.filter(pc.invert(accepted[PURCHASED]))))
        for key, row, is_purchase in zip(_keys(rows), rows.to_pylist(), purchased, strict=True):
            decided = self._waiting.pop(key, None)
            is_other.append(decided is None and is_purchase)
            differ |= decided is not None and not (is_purchase and decided == row)
        if differ:  # silver accepted another record of that key: what follows is judged by that one
            self._running.features.forget()
        return rows.filter(pa.array(is_other, pa.bool_()))

    def _drop_before(self, day: date) -> None:
        """Drops the keys of earlier days, which the state can't answer. Some records never get to silver."""
        self._decided = {key for key in self._decided if key[_DAY] >= day}
        self._refunds = {key for key in self._refunds if key[_DAY] >= day}
        self._waiting = {key: row for key, row in self._waiting.items() if key[_DAY] >= day}

    def _ahead(self) -> pa.Table | None:
        """What features must know beside silver's rows."""
        return pa.Table.from_pylist(list(self._waiting.values()), self._schema) if self._waiting else None

    def _leave_to_workers(self, lake: Lake, batch: DataFrame, once: Once) -> None:
        """Has the workers score the rows of silver. What was decided and silver hasn't brought waits on."""
        self._running.features.forget()
        from_silver = F.col(PATH).isNull()
        keys = batch.where(from_silver | ~F.col(PURCHASED)).select(*_KEY, PATH, PURCHASED).toArrow()
        self._refunds.update(_keys(keys.filter(pc.invert(keys[PURCHASED]))))
        for key in _keys(keys.filter(pc.is_null(keys[PATH]))):
            self._waiting.pop(key, None)
        insert_scores(lake, batch.where(from_silver & F.col(PURCHASED)), self._in_use, once)


def first_of_each(records: pa.Table, *known: Collection[Key]) -> pa.Table:
    """The records whose key nothing that is known has; of two with one key the first, as silver takes them."""
    records = records.sort_by([(PATH, "ascending"), (ORDINAL, "ascending")])
    seen: set[Key] = set()
    is_first = []
    for key in _keys(records):
        is_first.append(not any(key in keys for keys in (seen, *known)))
        seen.add(key)
    return records.filter(pa.array(is_first, pa.bool_()))


def _keys(rows: pa.Table) -> list[Key]:
    return list(zip(*(rows[name].to_pylist() for name in _KEY), strict=True))


def _decided_since(lake: Lake, day: date, loaded_at: int) -> frozenset[Key]:
    """Keys that are scored and weren't in silver in the version that was loaded, from a day on.

    Not in silver's newest one: what it has accepted since is neither in the state nor would it be known here.
    """
    scored, accepted = (
        rows.where(F.col("event_date") >= F.lit(day)).select(*_KEY)
        for rows in (lake.table(TRANSACTION_SCORES), lake.table_at(TRANSACTIONS, loaded_at))
    )
    return frozenset(_keys(scored.join(accepted, [*_KEY], "left_anti").toArrow()))


def _refunds_since(lake: Lake, day: date) -> frozenset[Key]:
    """Keys of silver's refunds from a day on."""
    refunds = lake.table(TRANSACTIONS).where(F.col("event_date") >= F.lit(day)).where(f"NOT ({IS_PURCHASE})")
    return frozenset(_keys(refunds.select(*_KEY).toArrow()))
