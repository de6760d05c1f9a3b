"""The handle that every step works with: a Spark session, the settings, and the tables that they lead to."""

import shutil
from dataclasses import dataclass
from uuid import uuid4

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.contracts.ddl import create_table, create_view
from common.contracts.table import Table, View
from common.settings import Settings
from common.storage.conflicts import retried


@dataclass(frozen=True)
class Lake:
    """Tables by contract or by name (`schema.table`), in the settings' catalog."""

    spark: SparkSession
    settings: Settings

    def full_name(self, table: Table | str) -> str:
        """The three-level name."""
        return self.settings.table(table if isinstance(table, str) else table.name)

    def exists(self, table: Table | str) -> bool:
        """Whether the table is there."""
        return self.spark.catalog.tableExists(self.full_name(table))

    def table(self, table: Table | str) -> DataFrame:
        """The table as it stands."""
        return self.spark.read.table(self.full_name(table))

    def stream(self, table: Table | str) -> DataFrame:
        """What is new in an append-only table since the query's last run; erasures there don't stop it."""
        return self.spark.readStream.option("skipChangeCommits", "true").table(self.full_name(table))

    def ensure(self, *tables: Table) -> None:
        """Creates the tables, and their schemas, that are not there yet."""
        for table in tables:
            if not self.exists(table):
                self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.settings.table(table.schema)}")
                retried(lambda table=table: self._create(table))  # type: ignore[misc]

    def ensure_views(self, *views: View) -> None:
        """Creates the views that are not there yet; their tables must be."""
        for view in views:
            if not self.exists(view.name):
                self.spark.sql(create_view(view, self.full_name(view.name), self.full_name(view.of)))

    def _create(self, table: Table) -> None:
        statement = create_table(table, self.full_name(table))
        try:
            self.spark.sql(statement)
        except AnalysisException as error:
            if error.getCondition() != "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION":
                raise
            self._clear_half_made(table)
            self.spark.sql(statement)

    def _clear_half_made(self, table: Table) -> None:
        """Removes the folder that a server killed in the middle of CREATE TABLE leaves: one without any commit."""
        folder = self.settings.home / "warehouse" / f"{table.schema}.db" / table.short_name
        log = folder / "_delta_log"
        if folder.is_dir() and not any(log.glob("*.json")) and not any(folder.rglob("*.parquet")):
            shutil.rmtree(folder)

    def insert_new(self, rows: DataFrame, table: Table) -> None:
        """Appends the rows whose key the table doesn't hold; run twice with the same rows, it adds them once.

        Rows with equal keys must have been reduced to one before. A null in a key equals a null. An anti-join and an
        append read the rows once, where a MERGE would read them twice; that is safe because each key has one writer,
        the query whose checkpoint it is.
        """
        held = self.table(table).select(*(F.col(name).alias(f"_held_{name}") for name in table.key))
        same = [F.col(name).eqNullSafe(F.col(f"_held_{name}")) for name in table.key]
        self.append(rows.join(held, same, "left_anti"), table)

    def merge_versions(self, rows: DataFrame, table: Table) -> None:
        """Applies rows with an `operation` (upsert or delete) to a table by its key; equal rows are left alone."""
        condition = " AND ".join(f"t.{column} <=> s.{column}" for column in table.key)
        others = [column for column in table.column_names if column not in table.key]
        differs = " OR ".join(f"NOT (t.{column} <=> s.{column})" for column in others)
        view = f"merge_source_{uuid4().hex}"
        rows.select(*table.column_names, "operation").createOrReplaceTempView(view)
        statement = (
            f"MERGE INTO {self.full_name(table)} AS t USING {view} AS s ON {condition} "
            "WHEN MATCHED AND s.operation = 'delete' THEN DELETE "
            f"WHEN MATCHED AND ({differs}) THEN UPDATE SET {', '.join(f't.{c} = s.{c}' for c in others)} "
            f"WHEN NOT MATCHED AND s.operation = 'upsert' THEN INSERT ({', '.join(table.column_names)}) "
            f"VALUES ({', '.join(f's.{c}' for c in table.column_names)})"
        )
        try:
            retried(lambda: rows.sparkSession.sql(statement))
        finally:
            rows.sparkSession.catalog.dropTempView(view)

    def append(self, rows: DataFrame, table: Table) -> None:
        """Appends the rows as they are."""
        writer = rows.select(*table.column_names).write.format("delta").mode("append")
        retried(lambda: writer.saveAsTable(self.full_name(table)))

    def stage(self, rows: DataFrame, name: str) -> DataFrame:
        """Writes a micro-batch to files of its own, over those of the batch before, and gives it back.

        Computed once there, it is read many times; Spark Connect's serverless surface has no cache.
        """
        folder = self.settings.checkpoint("staged", name)
        rows.write.mode("overwrite").parquet(folder)
        return rows.sparkSession.read.schema(rows.schema).parquet(folder)

    def version(self, table: Table | str) -> int:
        """The table's newest Delta version."""
        row = self.spark.sql(f"DESCRIBE HISTORY {self.full_name(table)} LIMIT 1").first()
        return int(row["version"]) if row else 0
