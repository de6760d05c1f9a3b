"""The tables of a lakehouse by contract or by name: where they are, what they hold, and in which version."""

from collections.abc import Callable

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from common.contracts.table import Table
from common.settings import Settings
from common.storage.lineage import note
from common.storage.table_state import TableState, log_folder, state_in

_NOT_THERE = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND")


class Tables:
    """Tables by contract or by name (`schema.table`), in the settings' catalog, to be read.

    The session is opened when it is first used: a task that has nothing to do needs none.
    """

    def __init__(self, spark: SparkSession | Callable[[], SparkSession], settings: Settings) -> None:
        self._session = spark
        self.settings = settings

    @property
    def spark(self) -> SparkSession:
        """The session to work with."""
        # No cached_property: its lock can't be pickled, and this class goes to the workers.
        if callable(self._session):
            self._session = self._session()
        return self._session

    def full_name(self, table: Table | str) -> str:
        """The three-level name."""
        return self.settings.table(_name(table))

    def exists(self, table: Table | str) -> bool:
        """Whether the table is there."""
        return self.spark.catalog.tableExists(self.full_name(table))

    def table(self, table: Table | str) -> DataFrame:
        """The table in its newest version."""
        note(self.settings, "read", _name(table))
        return self.spark.read.table(self.full_name(table))

    def table_at(self, table: Table | str, version: int) -> DataFrame:
        """The table as it was in a version."""
        note(self.settings, "read", _name(table))
        return self.spark.read.option("versionAsOf", version).table(self.full_name(table))

    def stream(self, table: Table | str, first_version: int | None = None) -> DataFrame:
        """What is new in an append-only table since the query's last run; erasures there don't stop it.

        A new query begins with the whole table, or with what was added by `first_version`.
        """
        note(self.settings, "read", _name(table))
        reader = self.spark.readStream.option("skipChangeCommits", "true")
        if first_version is not None:
            reader = reader.option("startingVersion", first_version)
        return reader.table(self.full_name(table))

    def state(self, table: Table | str) -> TableState | None:
        """Which version of the table is there; None where there is no such table."""
        log = log_folder(self.settings, _name(table))
        if log is not None:
            return state_in(log)
        try:
            row = self.spark.sql(f"DESCRIBE HISTORY {self.full_name(table)} LIMIT 1").first()
        except AnalysisException as error:
            if error.getCondition() in _NOT_THERE:
                return None
            raise
        return None if row is None else TableState(int(row["version"]), row["timestamp"].isoformat())

    def version(self, table: Table | str) -> int:
        """The table's newest Delta version; -1 where there is no such table."""
        state = self.state(table)
        return -1 if state is None else state.version


def _name(table: Table | str) -> str:
    return table if isinstance(table, str) else table.name
