"""The handle that every step works with: a Spark session, the settings, and the tables, to be read and written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from common.contracts.table import Table, View
from common.storage.conflicts import retried
from common.storage.creating import ensure, ensure_change_feed, ensure_views
from common.storage.lineage import note
from common.storage.merging import apply_changes
from common.storage.staging import staged
from common.storage.tables import Tables

SCOPE_VALUES = 400
"""So many values of a key scope are looked up one by one; beyond that, the range that they span."""


@dataclass(frozen=True)
class Once:
    """Names a write so that Delta does it once: each writer's highest version is kept in the table's log.

    A batch that is run again after a kill, or by two processes at the same time, is written by one of them.
    """

    writer: str
    version: int


class Lake(Tables):
    """Tables by contract or by name (`schema.table`), in the settings' catalog, to be made, read and written."""

    def ensure(self, *tables: Table) -> None:
        """Creates the tables, and their schemas, that are not there yet, and adds what their contracts have gained.

        Raises:
            SchemaError: a table's column has another type than its contract says; nothing was changed.
        """
        ensure(self, *tables)

    def ensure_change_feed(self, table: Table) -> None:
        """Switches the change feed on where the contract has one and the table, which is older, has none yet."""
        ensure_change_feed(self, table)

    def ensure_views(self, *views: View) -> None:
        """Creates the views that are not there yet, and gives others what their tables have gained; those must be."""
        ensure_views(self, *views)

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
        return self.append(self.lacking(rows, table, scope_of), table, once)

    def lacking(self, rows: DataFrame, table: Table, scope_of: DataFrame | Sequence[date] | None = None) -> DataFrame:
        """The rows whose key the table doesn't hold; `scope_of` as in `insert_new`."""
        existing = self.existing_rows(rows if scope_of is None else scope_of, table)
        keys = existing.select(*(F.col(name).alias(f"_existing_{name}") for name in table.lookup_key))
        same = [F.col(name).eqNullSafe(F.col(f"_existing_{name}")) for name in table.lookup_key]
        return rows.join(keys, same, "left_anti")

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
        self.apply_all({table: rows})

    def apply_all(self, changes: Mapping[Table, DataFrame]) -> None:
        """`apply_changes` for several tables, whose rows are computed by one query."""
        apply_changes(self, changes)

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
        """The rows, computed once and kept in files while the block lasts, to be read many times."""
        with self.staged_measured(rows, name, {"rows": F.count("*")}) as (kept, _):
            yield kept

    def staged_measured(
        self, rows: DataFrame, name: str, measures: Mapping[str, Column]
    ) -> AbstractContextManager[tuple[DataFrame, dict[str, Any]]]:
        """As `staged`, with measures of the rows (aggregates by name) that are taken while they are computed."""
        return staged(self.settings, rows, name, measures)
