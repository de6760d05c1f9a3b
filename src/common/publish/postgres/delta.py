"""The Delta side: a table's newest version, its rows, and what changed since another version, in portions of Arrow."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Protocol

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.errors import OutputError, first_line
from common.publish.postgres.served import ServedTable
from common.storage.lake import Lake
from common.storage.lineage import note
from common.storage.table_state import TableState, has_commit, log_folder

GONE = "gone"
"""The column of changes that says that a key's row isn't served any more; its other values are those of before."""
_WENT = ("delete", "update_preimage")


class NoFeedError(Exception):
    """What changed since a version can't be told: the feed was vacuumed, was off, or doesn't go so far."""


class Source(Protocol):
    """A version of a Delta table, as the PostgreSQL side asks for it."""

    @property
    def state(self) -> TableState: ...

    @property
    def table_id(self) -> str: ...

    def has(self, state: TableState) -> bool: ...

    def newest(self) -> "Source": ...

    def rows(self, served: ServedTable) -> Iterator[pa.RecordBatch]: ...

    def changes(self, served: ServedTable, since: int) -> Iterator[pa.RecordBatch]: ...


class DeltaSource:
    """A Delta table in the version that was its newest when this was made."""

    def __init__(self, lake: Lake, table: Table, state: TableState) -> None:
        self._lake = lake
        self._table = table
        self.state = state

    @cached_property
    def table_id(self) -> str:
        """The id that a table has from CREATE to DROP or REPLACE."""
        return str(
            self._lake.spark.sql(f"DESCRIBE DETAIL {self._lake.full_name(self._table)}").select("id").collect()[0][0]
        )

    def newest(self) -> "DeltaSource":
        """The same table in the version that is its newest now."""
        state = self._lake.state(self._table)
        return self if state is None or state == self.state else DeltaSource(self._lake, self._table, state)

    def has(self, state: TableState) -> bool:
        """Whether it is the table that had this state, as far as that is seen without a query."""
        log = log_folder(self._lake.settings, self._table.name)
        return log is not None and has_commit(log, state)

    def rows(self, served: ServedTable) -> Iterator[pa.RecordBatch]:
        """All rows that the table serves.

        Raises:
            OutputError: the table lacks a column, or can't be read.
        """
        frame = self._lake.table_at(self._table, self.state.version).where(served.condition)
        try:
            yield from batches_of(frame.selectExpr(*_selected(served)))
        except PySparkException as error:
            raise OutputError(
                f"{self._table.name} can't be read as the contract says ({first_line(error)}): run the main job, which "
                "brings it up to its contract, then this again"
            ) from error

    def changes(self, served: ServedTable, since: int) -> Iterator[pa.RecordBatch]:
        """The keys whose row is another one than in the version `since`, each once, with its row and whether it went.

        Raises:
            NoFeedError: the feed doesn't tell.
        """
        try:
            yield from batches_of(self._net_changes(served, since))
        except PySparkException as error:
            self._switch_feed_on()
            raise NoFeedError(first_line(error)) from error

    def _switch_feed_on(self) -> None:
        """A table that is older than its contract's change feed has none: from here on it has.

        Where this may not be, all rows are compared the next time, too.
        """
        with suppress(PySparkException):
            self._lake.ensure_change_feed(self._table)

    def _net_changes(self, served: ServedTable, since: int) -> DataFrame:
        note(self._lake.settings, "read", self._table.name)
        reader = self._lake.spark.read.option("readChangeFeed", "true").option("startingVersion", since + 1)
        feed = reader.option("endingVersion", self.state.version).table(self._lake.full_name(self._table))
        return net_changes(feed, served)


def net_changes(feed: DataFrame, served: ServedTable) -> DataFrame:
    """The newest change of each key among the rows that are served, or were: the row, and whether it went.

    A row that ceases to be served went, as one that is deleted. The feed of one that moves, or changes in place, has
    both in one version: what came counts. So a history's version that never was current says nothing.
    """
    newest_first = Window.partitionBy(*served.key).orderBy(F.desc("_commit_version"), F.col("_went"))
    changed = feed.where(served.condition).withColumn("_went", F.col("_change_type").isin(*_WENT))
    placed = changed.withColumn("_place", F.row_number().over(newest_first)).where("_place = 1")
    return placed.selectExpr(*_selected(served), f"_went AS {GONE}")


def _selected(served: ServedTable) -> list[str]:
    return [f"{column.sql} AS `{column.name}`" for column in served.columns]


def batches_of(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """A query's rows as they come, in batches of Arrow, so that memory doesn't grow with their number.

    A session that isn't one of Spark Connect has no such way, and gives them all at once.
    """
    client, plan = getattr(frame.sparkSession, "client", None), getattr(frame, "_plan", None)
    if client is None or plan is None:
        yield from frame.toArrow().to_batches()
        return
    for part in client.to_table_as_iterator(plan.to_proto(client), {}):
        if isinstance(part, pa.Table):
            yield from part.to_batches()
