"""One table brought from what it holds to what it shall hold, within the transaction of its caller."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from common.publish.postgres import definition
from common.publish.postgres.copying import copy
from common.publish.postgres.delta import GONE, NoFeedError, Source
from common.publish.postgres.positions import Position, measured
from common.publish.postgres.served import ServedTable
from common.sources.pulling.postgres.names import identifier, quoted
from common.storage.table_state import TableState

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor

LOADED, CHANGED, COMPARED, NOTHING = "all loaded", "changes", "all compared", "nothing new"

Also = Callable[["Cursor", ServedTable, str], None]
"""What else happens in the transaction that brings a table's rows, such as filling an outbox.

It is called with the cursor, the table, and the SQL name of what was staged: the table's columns, and `gone` (the row
isn't served any more; only the key's values count). Where all were compared or loaded, these are all rows; nothing is
staged where nothing is new. What was staged before may come again after a fallback, so it acts once for each key.
"""


@dataclass(frozen=True)
class Written:
    """How a table was brought up to date: rows added or changed, rows deleted, and what it holds now."""

    mode: str
    rows_written: int
    rows_deleted: int
    row_count: int
    digest: int
    note: str = ""


@dataclass(frozen=True)
class Writing:
    """A table to be brought to the version of a source, by a cursor whose transaction the caller ends."""

    cursor: "Cursor"
    schema: str
    table: ServedTable
    source: Source
    also: Also | None = None

    def write(self, was: Position | None, *, is_new: bool) -> Written:
        """Brings the rows.

        `is_new`: the table was made in this transaction. Else rows that differ are written, and those deleted that are
        served no more: by what changed since the version that it holds, or where that can't be told, by comparing all.
        """
        if is_new:
            return self._load()
        why = self._why_all(was)
        if not why and was is not None:
            if was.version == self.source.state.version:
                return Written(NOTHING, 0, 0, was.row_count, was.digest)
            try:
                with self.cursor.connection.transaction():
                    staged = self._stage(self.source.changes(self.table, was.version), with_gone=True)
                return self._apply_changes(staged, was)
            except NoFeedError as error:
                why = f"the change feed of {self.table.source.name} can't be read: {error}"
        return self._compare(self._stage(self.source.rows(self.table), with_gone=False), why)

    def table_id(self, was: Position | None) -> str:
        """The id of the Delta table. That its log still has the commit that was delivered says it without a query."""
        is_of_it = was is not None and was.source_table == self.table.source.name
        if was is not None and is_of_it and self.source.has(TableState(was.version, was.commit_id)):
            return was.table_id
        return self.source.table_id

    def _why_all(self, was: Position | None) -> str:
        """Why all rows must be compared, in words; empty where what changed is enough."""
        name, version = self.table.source.name, self.source.state.version
        if was is None:
            return "nothing says what it holds"
        if was.source_table != name or was.table_id != self.table_id(was):
            return f"{name} was made again"
        if was.version > version:
            return f"{name} has gone back from version {was.version} to {version}"
        if was.shape != self.table.shape:
            return "its columns or conditions have changed"
        if was.is_doubted:
            return "a check found rows that were not as delivered"
        is_new = was.version != version
        return f"{name} keeps no changes" if is_new and not self.table.source.change_feed else ""

    def _load(self) -> Written:
        """The first rows: straight into the table, and the key and the indexes after them."""
        view, staged = quoted(self._staged_as), self._staged
        loaded = copy(
            self.cursor, self._name, quoted(*self.table.column_names), self.source.rows(self.table), ", FREEZE"
        )
        definition.index(self.cursor, self.schema, self.table)
        self.cursor.execute(f"ANALYZE {self._name}")
        if self.also is not None:
            self.cursor.execute(f"CREATE TEMP VIEW {view} AS SELECT *, false AS {GONE} FROM {self._name}")
            self.also(self.cursor, self.table, staged)
            self.cursor.execute(f"DROP VIEW {staged}")
        return Written(LOADED, loaded, 0, *measured(self.cursor, self.schema, self.table))

    def _stage(self, batches: Iterator[pa.RecordBatch], *, with_gone: bool) -> str:
        """Puts rows into a temporary table of the transaction; its SQL name."""
        columns = quoted(*self.table.column_names)
        self.cursor.execute(
            f"CREATE TEMP TABLE {quoted(self._staged_as)} ON COMMIT DROP AS "
            f"SELECT {columns}, false AS {GONE} FROM {self._name} WITH NO DATA"
        )
        self.cursor.execute(f"ALTER TABLE {self._staged} ALTER COLUMN {GONE} SET DEFAULT false")
        copy(self.cursor, self._staged, f"{columns}, {GONE}" if with_gone else columns, batches)
        self.cursor.execute(f"ANALYZE {self._staged}")
        return self._staged

    def _apply_changes(self, staged: str, was: Position) -> Written:
        """What changed. The digest moves by what the rows of these keys were and are, whatever the others are."""
        rows_before, digest_before = measured(self.cursor, self.schema, self.table, only=staged)
        same = self.table.same_key("s", "t")
        self.cursor.execute(f"DELETE FROM {self._name} t USING {staged} s WHERE s.{GONE} AND {same}")
        deleted, written = self.cursor.rowcount, self._upsert(staged)
        rows_after, digest_after = measured(self.cursor, self.schema, self.table, only=staged)
        self._tell(staged)
        rows, digest = was.row_count + rows_after - rows_before, was.digest + digest_after - digest_before
        return Written(CHANGED, written, deleted, rows, digest)

    def _compare(self, staged: str, why: str) -> Written:
        same = self.table.same_key("s", "t")
        self.cursor.execute(f"DELETE FROM {self._name} t WHERE NOT EXISTS (SELECT FROM {staged} s WHERE {same})")
        deleted, written = self.cursor.rowcount, self._upsert(staged)
        self._tell(staged)
        return Written(COMPARED, written, deleted, *measured(self.cursor, self.schema, self.table), note=why)

    def _tell(self, staged: str) -> None:
        if self.also is not None:
            self.also(self.cursor, self.table, staged)

    def _upsert(self, staged: str) -> int:
        """Inserts and updates the staged rows that differ; how many they were."""
        columns = quoted(*self.table.column_names)
        others = [name for name in self.table.column_names if name not in self.table.key]
        then = "NOTHING"
        if others:
            news = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in others)
            old, new = (", ".join(f"{alias}.{quoted(name)}" for name in others) for alias in ("t", "EXCLUDED"))
            then = f"UPDATE SET {news} WHERE ROW({old}) IS DISTINCT FROM ROW({new})"
        self.cursor.execute(
            f"INSERT INTO {self._name} AS t ({columns}) SELECT {columns} FROM {staged} WHERE NOT {GONE} "
            f"ON CONFLICT ({self.table.conflict_key}) DO {then}"
        )
        return self.cursor.rowcount

    @property
    def _name(self) -> str:
        return definition.name_of(self.schema, self.table)

    @property
    def _staged_as(self) -> str:
        return identifier(f"staged_{self.table.name}")

    @property
    def _staged(self) -> str:
        return f"pg_temp.{quoted(self._staged_as)}"
