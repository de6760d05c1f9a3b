"""A micro-batch scored in the process that takes it: what a stream that goes on does, where every query costs.

Features come from the state in memory, rules from one query over the batch's rows, scores from a booster here. Rows are
what `transaction_scores.scores` makes of the same batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame

from common.features.customers import PLACES
from common.features.rows import ARROW_TYPES
from common.features.state.running import RunningFeatures
from common.features.transactions import INPUTS
from common.gold.score_rows import score_rows
from common.gold.watchlist import Watchlist
from common.ml.scoring import Scorer
from common.rules import blocks, evaluate
from common.storage.lake import Lake

MOST_ROWS = 50_000
"""Rows that a micro-batch may have to be taken in one process; a larger one is spread over the workers."""

_ROW = "row"


@dataclass(frozen=True)
class Scored:
    """A batch's rows of gold.transaction_scores, their event dates, and whether they all came for the first time."""

    rows: pa.Table
    dates: tuple[date, ...]
    are_new: bool


class RunningScores:
    """Scores micro-batches one after the other. `ahead` is that of `RunningFeatures`."""

    def __init__(self, ahead: Callable[[], pa.Table | None] = lambda: None) -> None:
        self.features = RunningFeatures(ahead)
        self._watchlist = Watchlist()

    def scored(self, lake: Lake, batch: DataFrame, score_partition: Scorer, added: Mapping[str, str]) -> Scored | None:
        """The batch's rows of gold.transaction_scores; None where that is too much.

        Args:
            lake: the tables.
            batch: transactions of silver.
            score_partition: as `ml.scoring.scorer` gives it, for the column `is_blocked`.
            added: the columns that it adds, and their types.

        """
        arrived = batch.select(*INPUTS).limit(MOST_ROWS + 1).toArrow()
        if arrived.num_rows > MOST_ROWS:
            self.features.forget()
            return None
        return self.scored_rows(lake, arrived, score_partition, added)

    def scored_rows(
        self, lake: Lake, arrived: pa.Table, score_partition: Scorer, added: Mapping[str, str]
    ) -> Scored | None:
        """As `scored`, of rows that are here already: columns `INPUTS`, `MOST_ROWS` at most."""
        dates = tuple(arrived["event_date"].unique().to_pylist())
        if not dates:
            return Scored(arrived, dates, are_new=True)
        found = self.features.of(lake, arrived)
        if found is None:
            return None
        rows = found.features
        for name in PLACES:
            rows = rows.append_column(name, found.transactions[name])
        rows = rows.append_column("is_watchlisted", self._watchlist.flags(lake, rows))
        rows = _with_rules(lake, rows)
        (frame,) = score_partition([rows.to_pandas()])
        for name, type_ in added.items():
            rows = rows.append_column(name, pa.array(frame[name], ARROW_TYPES[type_], from_pandas=True))
        return Scored(score_rows(rows, found.transactions["amount_eur"]), dates, found.are_new)


def _with_rules(lake: Lake, rows: pa.Table) -> pa.Table:
    """The rows with rules_hit and is_blocked, by one query, which reads no table and so is no job."""
    numbered = lake.spark.createDataFrame(rows.append_column(_ROW, pa.array(range(rows.num_rows), pa.int64())))
    hit = evaluate(numbered).select(_ROW, "rules_hit", blocks("rules_hit").alias("is_blocked")).toArrow().sort_by(_ROW)
    return rows.append_column("rules_hit", hit["rules_hit"]).append_column("is_blocked", hit["is_blocked"])
