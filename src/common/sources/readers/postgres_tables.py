"""`reader: postgres_tables`: all tables of a PostgreSQL schema, or some, as they are at each pull.

It is pulled: Spark's JDBC source has no snapshot over several tables, no position, and no stream.
"""

import time
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.sources.connections import PostgresConnection, Text
from common.sources.duration import Duration
from common.sources.feed import FeedAt, Sight, Sights, Tell, silent
from common.sources.files.first_records import MAX_FILES, FileLook, Record
from common.sources.pulling.postgres.connect import connect, name_of
from common.sources.pulling.postgres.names import quoted
from common.sources.pulling.postgres.tables.catalog import Table, tables_of
from common.sources.pulling.postgres.tables.puller import OPTION, TablesPuller
from common.sources.pulling.postgres.tables.records import Stamp, whole_record
from common.sources.pulling.postgres.tables.selection import XMIN, Selection
from common.sources.pulling.pull import Puller
from common.sources.pulling.pulled_feed import PulledFeed
from common.sources.target_map import Strict

LOOK_ROWS = 50


class SchemaTables(Strict):
    """All tables of a schema, those too that come later, but for some."""

    schema_: Annotated[Text, Field(alias="schema")] = "public"
    except_: Annotated[tuple[Text, ...], Field(alias="except")] = ()

    def __str__(self) -> str:
        """As a person reads it."""
        left_out = f" but {', '.join(self.except_)}" if self.except_ else ""
        return f"the schema {self.schema_}{left_out}"


class Deletes(Strict):
    """How often the keys that are there are compared with those that were seen."""

    every: Duration | Literal["never"] = timedelta(hours=1)


class PostgresTablesFeed(PulledFeed):
    """A feed of tables, in one snapshot at each pull: new and changed rows whole, and the keys of deleted ones.

    `watermark` are columns, of which a table's first narrows what is looked through: the database has an index on it.
    `overlap` is longer than a transaction takes until it writes first, and than clocks differ. `without_key` says what
    becomes of tables without a primary key. A query that takes longer than `timeout` is stopped.
    """

    reader: Literal["postgres_tables"]
    connection: Text
    tables: SchemaTables | Annotated[tuple[Text, ...], Field(min_length=1)] = SchemaTables()
    watermark: Text | Annotated[tuple[Text, ...], Field(min_length=1)] = (XMIN,)
    overlap: Duration = timedelta(minutes=10)
    deletes: Deletes = Deletes()
    without_key: Literal["refuse", "whole", "leave_out"] = "refuse"
    timeout: Duration = timedelta(minutes=30)

    connects_to: ClassVar[str | None] = "postgres"

    @property
    def selection(self) -> Selection:
        """What the puller must know."""
        everything = isinstance(self.tables, SchemaTables)
        return Selection(
            schema=self.tables.schema_ if isinstance(self.tables, SchemaTables) else None,
            leave_out=frozenset(self.tables.except_) if isinstance(self.tables, SchemaTables) else frozenset(),
            listed=() if everything else tuple(str(name) for name in self.tables),
            watermark=(self.watermark,) if isinstance(self.watermark, str) else self.watermark,
            overlap_seconds=int(self.overlap.total_seconds()),
            deletes_every=None if isinstance(self.deletes.every, str) else int(self.deletes.every.total_seconds()),
            keyless=self.without_key,
            timeout_seconds=int(self.timeout.total_seconds()),
        )

    def place(self, at: FeedAt) -> str:
        """The tables and their database."""
        return f"{self._tables} of {name_of(_connection(at), at.settings)}"

    def puller(self, at: FeedAt, tell: Tell = silent) -> Puller:
        """Who pulls. It checks tables and rights itself: a database that is away holds no other feed up."""
        return TablesPuller(at, self.selection, tell)

    def look(self, at: FeedAt) -> Sights:
        """Tables, rows, keys, watermarks and rights; nothing is written."""
        with connect(_connection(at), at.settings) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT current_user || ', PostgreSQL ' || current_setting('server_version')")
            row = cursor.fetchone()
            things = [Sight(name_of(_connection(at), at.settings), str(row[0]) if row else "")]
            tables = tables_of(cursor, self.selection, at.option(OPTION))
            indexed = _indexed(cursor)
            looks = [_first_rows(cursor, table) for table in tables[:MAX_FILES] if not table.trouble]
        warnings = [
            f"{table.full_name} has no index that begins with {table.watermark}: each pull reads all of it; "
            f"CREATE INDEX CONCURRENTLY ON {quoted(table.schema)}.{quoted(table.name)} ({quoted(table.watermark)});"
            for table in tables
            if table.watermark not in ("", XMIN) and (table.oid, table.watermark) not in indexed
        ]
        return Sights([*things, *map(_sight, tables)], looks, len(tables), warnings)

    @property
    def _tables(self) -> str:
        if isinstance(self.tables, SchemaTables):
            return f"the tables of {self.tables}"
        return ", ".join(self.tables)


def _connection(at: FeedAt) -> PostgresConnection:
    assert isinstance(at.connection, PostgresConnection)
    return at.connection


def _sight(table: Table) -> Sight:
    rows = f"about {table.estimate:,} rows" if table.estimate >= 0 else "rows not counted yet (ANALYZE)"
    key = f"key {', '.join(table.key)}" if table.key else "no key, whole each time"
    missing = f"{table.trouble}; {table.way_out}" if table.trouble else ""
    return Sight(table.full_name, f"{rows}, {key}, watermark {table.watermark or 'none'}", missing)


def _first_rows(cursor: Any, table: Table) -> FileLook:
    """Some rows as a pull would give them, so that the map can be tried."""
    cursor.execute(f"SELECT row_to_json(_row.*)::text FROM {table.sql} AS _row LIMIT {LOOK_ROWS}")
    stamp = Stamp(int(time.time() * 1_000_000))
    rows = [whole_record(table, number, row, stamp) for number, (row,) in enumerate(cursor.fetchall(), start=1)]
    return FileLook(
        table.full_name, tuple(Record(table.full_name, n, r.payload, None) for n, r in enumerate(rows, start=1))
    )


def _indexed(cursor: Any) -> set[tuple[int, str]]:
    """Tables and the columns that one of their indexes begins with."""
    cursor.execute(
        "SELECT i.indrelid::bigint, a.attname::text FROM pg_index i "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indisvalid"
    )
    return set(cursor.fetchall())
