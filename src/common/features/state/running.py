"""The state of a lakehouse: loaded from its tables once, and kept up while micro-batches come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from common.contracts.silver import IS_PURCHASE, TRANSACTIONS
from common.contracts.table import Table
from common.features.labels import LABELLED_BY, known_labels, labels_since
from common.features.state.feature_state import KEPT_DAYS, FeatureState
from common.features.state.tables import micros_of
from common.features.timeline import DAY_MICROS, Flags, Ints
from common.features.transactions import INPUTS, transaction_features
from common.storage.commits import commits
from common.storage.lake import Lake
from common.storage.recent import utc

_READ = (TRANSACTIONS, *LABELLED_BY)
_KEY = [("transaction_id", "ascending"), ("event_date", "ascending")]
MOST_HELD = 5_000_000
"""Transactions that a state may hold: about 470 bytes each, so that it takes 2.4 GB at most."""

MANY = 100
"""So many old transactions in a batch are worth loading the history around them; fewer are computed by themselves."""

_OVERLAP = timedelta(hours=2)
"""Labels are read again that were accepted so long before the last look: a commit comes later than its rows' time."""


@dataclass(frozen=True)
class Found:
    """Transactions in the order of their features, those features, and whether all came for the first time."""

    transactions: pa.Table
    features: pa.Table
    are_new: bool


@dataclass(frozen=True)
class Unseen:
    """Which transactions the state can answer and doesn't hold, and the time after which it answers.

    `loaded_at` is a version of silver.transactions that was there when the state was loaded: it holds all of that.
    """

    flags: Flags
    answers_from: datetime
    loaded_at: int


class RunningFeatures:
    """Features of the transactions that arrive, from a state in this process.

    It is loaded when it is first asked, around the middle of the batch, a few far older records aside; and again where
    a table that it was loaded from has lost or changed rows, or where most of a batch is older than what is held and
    they are `MANY`. Others that are older are computed by the function for batches. A new process loads it again. Where
    it holds or would hold more than `MOST_HELD` transactions, there is none.

    `ahead` gives transactions, columns `INPUTS`, that a state which is loaded has beside those of silver.
    """

    def __init__(self, ahead: Callable[[], pa.Table | None] = lambda: None) -> None:
        self._ahead = ahead
        self._state: FeatureState | None = None
        self._versions: dict[str, int] = {}
        self._loaded_at = -1
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    def forget(self) -> None:
        """Drops the state: transactions went by that it wasn't asked about."""
        self._state = None

    def of(self, lake: Lake, arrived: pa.Table) -> Found | None:
        """The features of transactions of silver, columns `INPUTS`, that arrived; there is one at least.

        None where the history is too large to be held: then `features.transactions` computes them.
        """
        state = self._kept_up(lake, arrived)
        if state is None:
            return None
        self._state = None  # should one of the next lines fail
        is_known, is_young = state.holds(arrived), state.answers(arrived)
        young, older = arrived.filter(is_young), arrived.filter(~is_young)
        state.add(older)
        features = state.features(young)
        if older.num_rows:
            # Sorted, as batches come back in any order.
            young = pa.concat_tables([young, older.sort_by(_KEY)])
            features = pa.concat_tables([features, _by_batch(lake, older).sort_by(_KEY).cast(features.schema)])
        self._state = state
        return Found(young, features, are_new=not is_known.any())

    def unseen(self, lake: Lake, arrived: pa.Table) -> Unseen | None:
        """Which of the transactions the state doesn't hold and can answer; None where there is none."""
        state = self._kept_up(lake, arrived)
        if state is None:
            return None
        return Unseen(state.answers(arrived) & ~state.holds(arrived), utc(state.answers_from), self._loaded_at)

    def _kept_up(self, lake: Lake, arrived: pa.Table) -> FeatureState | None:
        """The state with what is new in its tables; loaded where it must be."""
        looks_at = {table.name: lake.version(table) for table in _READ}
        now = datetime.now(UTC)
        state = self._state
        changed = [table for table in _READ if looks_at[table.name] != self._versions.get(table.name)]
        if state is None or not self._only_added(lake, changed, looks_at) or _are_mostly_old(state, arrived):
            self._state = None
            state = _loaded(lake, arrived)
            if state is None:
                return None
            if (ahead := self._ahead()) is not None:
                state.add(ahead)
            self._loaded_at = looks_at[TRANSACTIONS.name]
        elif any(table in changed for table in LABELLED_BY):
            state.learn(labels_since(lake, self._looked_at - _OVERLAP).toArrow())
        if len(state) > MOST_HELD:  # it grows as transactions come, and drops those that are out of reach
            self._state = None
            return None
        self._state, self._versions, self._looked_at = state, looks_at, now
        return state

    def _only_added(self, lake: Lake, tables: Sequence[Table], looks_at: Mapping[str, int]) -> bool:
        """Whether nothing but new rows came to the tables since they were looked at."""
        before = self._versions
        # One with an earlier version than before was made again.
        return all(looks_at[table.name] > before[table.name] for table in tables) and all(
            commit.keeps_rows for table in tables for commit in commits(lake, table, after=before[table.name])
        )


def _are_mostly_old(state: FeatureState, arrived: pa.Table) -> bool:
    old: int = arrived.num_rows - int(np.sum(state.answers(arrived)))
    return old >= MANY and 2 * old > arrived.num_rows


def middle_of(micros: Ints, newest: int | None) -> int:
    """The event time around which to load the history for a batch: the middle of it.

    A few records that are far older than silver's newest transaction don't count. History is loaded up to today, so
    that one of them would have all of it loaded.
    """
    if newest is None:
        return int(np.median(micros))
    is_near = micros > newest - KEPT_DAYS * DAY_MICROS
    old = len(micros) - int(np.sum(is_near))
    if old < MANY or 2 * old <= len(micros):
        micros = micros[is_near]
    return int(np.median(micros)) if len(micros) else newest


def _loaded(lake: Lake, arrived: pa.Table) -> FeatureState | None:
    """What the tables hold within the reach of the middle of a batch; None where that is too much."""
    purchases = lake.table(TRANSACTIONS).where(IS_PURCHASE)
    newest = purchases.where("event_time <= current_timestamp()").agg(F.max("event_time").alias("newest")).toArrow()
    middle = middle_of(micros_of(arrived["event_time"]).to_numpy(), micros_of(newest["newest"])[0].as_py())
    state = FeatureState(middle - KEPT_DAYS * DAY_MICROS)
    since = utc(state.since)
    in_reach = (F.col("event_date") >= F.lit(since.date())) & (F.col("event_time") > F.lit(since))
    history = purchases.where(in_reach)
    if history.limit(MOST_HELD + 1).count() > MOST_HELD:
        return None
    labels, is_recent = known_labels(lake), F.col("reported_at") > F.lit(since)
    early = labels.where(~is_recent).join(history.select("transaction_id"), "transaction_id", "left_semi")
    state.learn(labels.where(is_recent).unionByName(early).toArrow())
    state.add(history.select(*INPUTS).toArrow())
    return state


def _by_batch(lake: Lake, transactions: pa.Table) -> pa.Table:
    """Features by the function for batches, in any order."""
    purchases = lake.table(TRANSACTIONS).where(IS_PURCHASE)
    return transaction_features(lake.spark.createDataFrame(transactions), purchases, known_labels(lake)).toArrow()
