"""Transactions decided as they come from a feed, before bronze and silver have them, and then those of silver."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import TRANSACTIONS
from common.features.transactions import INPUTS
from common.gold.running_scores import MOST_ROWS, RunningScores, Scored
from common.gold.transaction_scores import insert_scores, note_models, scorer_of
from common.ml.models_in_use import ModelsInUse
from common.ml.scoring import ADDED, SHADOW
from common.storage.lake import Lake, Once

MOST_ARRIVED = 4 * MOST_ROWS
"""Rows that a micro-batch may have to be taken in one process. Of a larger one silver's rows are spread over the
workers, and the records that came ahead are decided when silver has them."""

PATH, ORDINAL = "_path", "_ordinal"
"""Where a record that came ahead was, by which silver accepts the first of two with one key; null in silver's rows."""

Key = tuple[Any, ...]
_KEY = TRANSACTION_SCORES.lookup_key


class Decisions:
    """Decides micro-batches one after the other, in one process: rows with the columns `INPUTS`, `PATH`, `ORDINAL`.

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
        self._is_held = True
        """Whether the history can be held in memory. Once it is too large, the workers score what silver has."""

    def step(self, lake: Lake, batch: DataFrame, once: Once) -> None:
        """Scores what is new in a micro-batch, and commits it."""
        note_models(lake, self._in_use, self._in_use.ask(lake.settings, FEATURE_NAMES))
        arrived = batch.limit(MOST_ARRIVED + 1).toArrow()
        if arrived.num_rows > MOST_ARRIVED:
            self._forget()
            insert_scores(lake, batch.where(F.col(PATH).isNull()), self._in_use, once)
            return
        self.take(lake, arrived, once)

    def take(self, lake: Lake, arrived: pa.Table, once: Once) -> None:
        """As `step`, of rows that are here already: `MOST_ARRIVED` at most, by the models that are in use."""
        self._schema = arrived.select(INPUTS).schema
        came_ahead = pc.is_valid(arrived[PATH])
        accepted = self._not_waiting(arrived.filter(pc.invert(came_ahead)).select(INPUTS))
        ahead = first_of_each(arrived.filter(came_ahead), self._waiting, {*_keys(accepted)}).select(INPUTS)
        if ahead.num_rows and self._is_held:
            self._decide(lake, ahead)
        if accepted.num_rows:
            self._score_accepted(lake, accepted, Once(f"{once.writer} accepted", once.version))

    def _decide(self, lake: Lake, ahead: pa.Table) -> None:
        """Decides records that came ahead, each key once."""
        unseen = self._running.features.unseen(lake, ahead)
        if unseen is None:
            self._is_held = False
            return
        if unseen.answers_from.date() < self._decided_since:
            self._decided_since = unseen.answers_from.date()
            self._decided = _decided_since(lake, self._decided_since)
        new = ahead.filter(unseen.flags)
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
        found = self._scored(lake, accepted) if self._is_held and accepted.num_rows <= MOST_ROWS else None
        if found is None:
            self._running.features.forget()
            insert_scores(lake, lake.spark.createDataFrame(accepted), self._in_use, once)
        else:
            rows = lake.spark.createDataFrame(found.rows)
            lake.insert_new(rows, TRANSACTION_SCORES, once, scope_of=found.dates)

    def _scored(self, lake: Lake, rows: pa.Table) -> Scored | None:
        return self._running.scored_rows(lake, rows, scorer_of(self._in_use), ADDED | SHADOW)

    def _not_waiting(self, accepted: pa.Table) -> pa.Table:
        """The rows of silver that weren't decided here; the others wait no longer."""
        is_other, differ = [], False
        for key, row in zip(_keys(accepted), accepted.to_pylist(), strict=True):
            decided = self._waiting.pop(key, None)
            is_other.append(decided is None)
            differ |= decided is not None and decided != row
        if differ:  # silver accepted another record of that key: what follows is judged by that one
            self._running.features.forget()
        return accepted.filter(pa.array(is_other, pa.bool_()))

    def _ahead(self) -> pa.Table | None:
        """What features must know beside silver's rows."""
        return pa.Table.from_pylist(list(self._waiting.values()), self._schema) if self._waiting else None

    def _forget(self) -> None:
        """Drops what was decided: the next batch finds it in the tables."""
        self._running.features.forget()
        self._waiting.clear()
        self._decided_since = date.max


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


def _decided_since(lake: Lake, day: date) -> frozenset[Key]:
    """Keys that are scored and aren't in silver, from a day on."""
    scored, accepted = (
        lake.table(table).where(F.col("event_date") >= F.lit(day)).select(*_KEY)
        for table in (TRANSACTION_SCORES, TRANSACTIONS)
    )
    return frozenset(_keys(scored.join(accepted, [*_KEY], "left_anti").toArrow()))
