"""The handle that every step works with: a Spark session, the settings, and the tables."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from common.contracts.ddl import create_table, create_view, keys, tags
from common.contracts.drift import Drift, ExistingColumn, drift
from common.contracts.table import Table, View
from common.errors import SchemaError
from common.settings import Settings
from common.storage.conflicts import retried
from common.storage.lineage import note
from common.storage.table_state import TableState, log_folder, state_in

MAKING_SECONDS = 5
"""How long a table that another process makes may lie on disk before the catalog knows of it."""

SCOPE_VALUES = 400
"""So many values of a key scope are looked up one by one; beyond that, the range that they span."""

NOT_THERE = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND")


@dataclass(frozen=True)
class Once:
    """Names a write so that Delta does it once: each writer's highest version is kept in the table's log.

    A batch that is run again after a kill, or by two processes at the same time, is written by one of them.
    """

    writer: str
    version: int


class Lake:
    """Tables by contract or by name (`schema.table`), in the settings' catalog.

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

    def stream(self, table: Table | str) -> DataFrame:
        """What is new in an append-only table since the query's last run; erasures there don't stop it."""
        note(self.settings, "read", _name(table))
        return self.spark.readStream.option("skipChangeCommits", "true").table(self.full_name(table))

    def ensure(self, *tables: Table) -> None:
        """Creates the tables, and their schemas, that are not there yet, and adds what their contracts have gained.

        Raises:
            SchemaError: a table's column has another type than its contract says; nothing was changed.
        """
        there = {table.name: columns for table in tables if (columns := self._columns(table)) is not None}
        # All are checked before the first is changed.
        found = {table.name: self._drift(table, there[table.name]) for table in tables if table.name in there}
        for table in tables:
            if table.name in found:
                for clause in found[table.name].clauses:
                    self._alter(table, clause)
                continue
            schema = self.settings.table(table.schema)
            # Asked first: on Databricks the bundle made it, and the jobs may not create any.
            if not self.spark.catalog.databaseExists(schema):
                self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            retried(lambda table=table: self._create(table))  # type: ignore[misc]
            if self.settings.platform.has_unity_catalog:
                for statement in tags(table, self.full_name(table)):
                    self.spark.sql(statement)

    def ensure_views(self, *views: View) -> None:
        """Creates the views that are not there yet; their tables must be."""
        for view in views:
            if not self.exists(view.name):
                self.spark.sql(create_view(view, self.full_name(view.name), self.full_name(view.of)))

    def _columns(self, table: Table) -> dict[str, ExistingColumn] | None:
        try:
            fields = self.spark.read.table(self.full_name(table)).schema.fields
        except AnalysisException as error:
            if error.getCondition() in NOT_THERE:
                return None
            raise
        return {f.name: ExistingColumn(f.dataType.simpleString(), f.metadata.get("comment", "")) for f in fields}

    def _drift(self, table: Table, existing: dict[str, ExistingColumn]) -> Drift:
        found = drift(table, existing)
        if found.misfits:
            raise SchemaError(
                f"{table.name} doesn't fit its contract: {'; '.join(found.misfits)}. Nothing was written. Give the "
                f"column another name in the contract, or make the table again: DROP TABLE {table.name}, reset the "
                f"streams that write it ({self.settings.platform.list_streams}), and run the job"
            )
        return found

    def _alter(self, table: Table, clause: str) -> None:
        retried(lambda: self.spark.sql(f"ALTER TABLE {self.full_name(table)} {clause}"))

    def _keys(self, table: Table) -> tuple[str, ...]:
        if not self.settings.platform.has_unity_catalog:
            return ()
        return keys(table, self.full_name, self.exists)

    def _create(self, table: Table) -> None:
        statement = create_table(table, self.full_name(table), self._keys(table))
        try:
            self.spark.sql(statement)
        except AnalysisException as error:
            if error.getCondition() != "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION":
                raise
            # Another process may be making it at this moment; its table is in the catalog soon.
            deadline = time.monotonic() + MAKING_SECONDS
            while not self.exists(table) and time.monotonic() < deadline:
                time.sleep(0.2)
            self._clear_half_made(table)
            self.spark.sql(statement)

    def _clear_half_made(self, table: Table) -> None:
        """Removes the folder that a server killed in the middle of CREATE TABLE leaves: one without any row.

        It has no commit, or the first one alone, which the catalog doesn't know of.
        """
        warehouse = self.settings.warehouse or self.settings.home
        folder = warehouse / f"{self.settings.schema(table.schema)}.db" / table.short_name
        commits = len(list((folder / "_delta_log").glob("*.json")))
        if not self.exists(table) and folder.is_dir() and commits <= 1 and not any(folder.rglob("*.parquet")):
            shutil.rmtree(folder)

    def insert_new(
        self,
        rows: DataFrame,
        table: Table,
        once: Once | None = None,
        scope_of: DataFrame | Sequence[date] | None = None,
    ) -> int | None:
        """Appends the rows whose key the table doesn't hold; run twice with the same rows, it adds them once.

        The rows must hold each key once. A null in a key equals a null. An anti-join and an
        append read the rows once, where a MERGE would read them twice; what two writers could add at the same moment
        is prevented by `once`. Where rows are costly to compute, `scope_of` gives others with the same key scopes, or
        the values of the key scope.

        Returns:
            How many rows were added; None where that isn't known, as when `once` says that it was done before.
        """
        existing = self.existing_rows(rows if scope_of is None else scope_of, table)
        keys = existing.select(*(F.col(name).alias(f"_existing_{name}") for name in table.lookup_key))
        same = [F.col(name).eqNullSafe(F.col(f"_existing_{name}")) for name in table.lookup_key]
        return self.append(rows.join(keys, same, "left_anti"), table, once)

    def existing_rows(self, rows: DataFrame | Sequence[date], table: Table) -> DataFrame:
        """The table's rows that can have the key of one of the rows: all of them, or the rows' part of the key scope.

        The values of the key scope become literals, by which Delta skips files. They are given, or a query finds those
        that the rows have.
        """
        existing = self.table(table)
        if table.key_scope is None:
            return existing
        scope = F.col(table.key_scope)
        found = [row[0] for row in rows.select(scope).distinct().collect()] if isinstance(rows, DataFrame) else rows
        values = sorted(value for value in found if value is not None)
        if not values:
            return existing.where("false")
        among = scope.isin(values) if len(values) <= SCOPE_VALUES else F.lit(True)
        return existing.where(scope.between(F.lit(values[0]), F.lit(values[-1])) & among)

    def apply_changes(self, rows: DataFrame, table: Table) -> None:
        """Applies rows with an `operation` to a table by its key; equal rows are left alone.

        The operations are upsert, delete, and insert, of a key that the table doesn't hold: where all rows are such,
        the table isn't rewritten. Without rows, nothing is written: the table keeps its version.
        """
        scope = F.lit(None) if table.key_scope is None else F.col(table.key_scope)
        measures = {
            "rows": F.count("*"),
            "inserts": F.count_if(F.col("operation") == "insert"),
            "first": F.min(scope).cast("string"),
            "last": F.max(scope).cast("string"),
        }
        changes = rows.select(*table.column_names, "operation")
        with self.staged_measured(changes, f"{table.name}.changes", measures) as (staged, found):
            if found["rows"]:
                inserts = found["inserts"] if found["inserts"] == found["rows"] else None
                self.merge_staged(staged, table, found["first"], found["last"], inserts)

    def merge_staged(
        self, rows: DataFrame, table: Table, first: str | None, last: str | None, inserts: int | None = None
    ) -> None:
        """`apply_changes` for rows that are in files already, where the ends of their key scope are known.

        `inserts` is the number of rows where all of them are inserts.
        """
        note(self.settings, "write", table.name)
        self._merge(rows, table, _scoped(table, first, last), inserts)

    def _merge(self, rows: DataFrame, table: Table, scope: list[str], inserts: int | None) -> None:
        same = (f"t.{column} <=> s.{column}" for column in table.lookup_key)
        condition = " AND ".join([*same, *scope])
        others = [column for column in table.column_names if column not in table.lookup_key]
        differs = " OR ".join(f"NOT (t.{column} <=> s.{column})" for column in others)
        view = f"merge_source_{uuid4().hex}"
        rows.createOrReplaceTempView(view)
        matched = (
            "WHEN MATCHED AND s.operation = 'delete' THEN DELETE "
            f"WHEN MATCHED AND ({differs}) THEN UPDATE SET {', '.join(f't.{c} = s.{c}' for c in others)} "
        )
        into = f"MERGE INTO {self.full_name(table)} AS t USING {view} AS s ON {condition} "
        not_matched = (
            f"WHEN NOT MATCHED AND s.operation <> 'delete' THEN INSERT ({', '.join(table.column_names)}) "
            f"VALUES ({', '.join(f's.{c}' for c in table.column_names)})"
        )
        try:
            if inserts is not None:
                done = retried(lambda: rows.sparkSession.sql(into + not_matched)).first()
                if done is not None and done["num_inserted_rows"] == inserts:
                    return
                # Another writer has added some of the keys meanwhile: those rows are updated, as all others are.
            retried(lambda: rows.sparkSession.sql(into + matched + not_matched))
        finally:
            rows.sparkSession.catalog.dropTempView(view)

    def append(self, rows: DataFrame, table: Table, once: Once | None = None) -> int | None:
        """Appends the rows as they are; with `once`, only where that write was not done before.

        Returns:
            How many rows were added; None where that isn't known, as when `once` says that it was done before.
        """
        note(self.settings, "write", table.name)
        selected = rows.select(*table.column_names)

        def write() -> int | None:
            added = Observation()
            writer = selected.observe(added, F.count("*").alias("rows")).write.format("delta").mode("append")
            if once is not None:
                writer = writer.option("txnAppId", once.writer).option("txnVersion", str(once.version))
            writer.saveAsTable(self.full_name(table))
            # A write that Delta skips computes nothing, so that nothing is observed; a busy engine may report too late.
            rows_added: int | None = added.get.get("rows")
            return rows_added

        return retried(write)

    @contextmanager
    def staged(self, rows: DataFrame, name: str) -> Iterator[DataFrame]:
        """The rows, computed once and kept in files while the block lasts, to be read many times.

        Spark Connect's serverless surface has no cache. The folder is this call's own: two processes that work on
        the same table don't read each other's rows. What a kill leaves of it, the maintenance job removes.
        """
        with self.staged_measured(rows, name, {"rows": F.count("*")}) as (staged, _):
            yield staged

    @contextmanager
    def staged_measured(
        self, rows: DataFrame, name: str, measures: Mapping[str, Column]
    ) -> Iterator[tuple[DataFrame, dict[str, Any]]]:
        """As `staged`, with measures of the rows (aggregates by name) that are taken while they are computed."""
        folder = self.settings.checkpoint("staged", f"{name}.{uuid4().hex}")
        named = [measure.alias(key) for key, measure in measures.items()]
        measured = Observation()
        try:
            rows.observe(measured, *named).write.parquet(folder)
            staged = rows.sparkSession.read.schema(rows.schema).parquet(folder)
            yield staged, measured.get or measures_of(staged, measures)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def state(self, table: Table | str) -> TableState | None:
        """Which version of the table is there; None where there is no such table."""
        log = log_folder(self.settings, _name(table))
        if log is not None:
            return state_in(log)
        try:
            row = self.spark.sql(f"DESCRIBE HISTORY {self.full_name(table)} LIMIT 1").first()
        except AnalysisException as error:
            if error.getCondition() in NOT_THERE:
                return None
            raise
        return None if row is None else TableState(int(row["version"]), row["timestamp"].isoformat())

    def version(self, table: Table | str) -> int:
        """The table's newest Delta version; -1 where there is no such table."""
        state = self.state(table)
        return -1 if state is None else state.version


def measures_of(rows: DataFrame, measures: Mapping[str, Column]) -> dict[str, Any]:
    """The measures, by a query: what an observation gives, unless the engine is too busy to give it in time."""
    row = rows.agg(*(measure.alias(key) for key, measure in measures.items())).first()
    return row.asDict() if row else {}


def _name(table: Table | str) -> str:
    return table if isinstance(table, str) else table.name


def _scoped(table: Table, first: str | None, last: str | None) -> list[str]:
    """A condition on the target alone, by which MERGE skips the files outside of the rows' part of the key scope."""
    if table.key_scope is None or first is None:
        return []
    type_ = table.column(table.key_scope).type
    return [f"t.{table.key_scope} BETWEEN CAST('{first}' AS {type_}) AND CAST('{last}' AS {type_})"]
