"""One snapshot over all tables: a transaction that reads, and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from common.errors import FeedError
from common.sources.clients import client
from common.sources.pulling.postgres.tables.catalog import Table, check_tables, tables_of
from common.sources.pulling.postgres.tables.selection import Selection

TRIES = 3
LOCK_SECONDS = 10
_XID_BITS = (1 << 32) - 1

_STATE = """
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
       (extract(epoch FROM statement_timestamp()) * 1000000)::bigint,
       (SELECT system_identifier::text FROM pg_control_system()) || '/' || (CASE WHEN pg_is_in_recovery()
           THEN (SELECT lpad(to_hex(timeline_id), 8, '0') FROM pg_control_checkpoint())
           ELSE lower(left(pg_walfile_name(pg_current_wal_lsn()), 8)) END) || '/' ||
       (SELECT oid::text FROM pg_database WHERE datname = current_database())
FROM pg_current_snapshot() AS s
"""


@dataclass(frozen=True)
class Snapshot:
    """What is seen. Transactions before `horizon` have all ended, and none from `end` on is seen.

    `taken` is in microseconds since 1970, by the server's clock. `server` names the database cluster, its timeline and
    the database: transactions are counted anew where it changes.
    """

    horizon: int
    end: int
    taken: int
    server: str
    tables: tuple[Table, ...]

    def transaction(self, xmin: str) -> int:
        """The transaction that a row's xmin names, whose 32 bits wrap, as it is counted since the cluster was made."""
        return self.end - ((self.end - int(xmin)) & _XID_BITS)


@contextmanager
def snapshot(connection: Any, selection: Selection, option: str) -> Iterator[tuple[Any, Snapshot]]:
    """A cursor within the snapshot. Its tables are locked against changes of their form, never against writers.

    Without the locks a table that is rewritten meanwhile would look empty, and its rows deleted.

    Raises:
        DeclarationError, FeedError: as `tables_of` and `check_tables`; or tables change their form all the time.
    """
    psycopg = client("psycopg", "postgres")
    cursor = connection.cursor()
    for _ in range(TRIES):
        tables = tables_of(cursor, selection, option)
        check_tables(tables, option)
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            try:
                _settle(cursor, selection, tables)
            except (psycopg.errors.UndefinedTable, psycopg.errors.LockNotAvailable):
                continue
            cursor.execute(_STATE)
            horizon, end, taken, server = cursor.fetchone()
            if _forms(tables_of(cursor, selection, option)) != _forms(tables):
                continue
            yield cursor, Snapshot(horizon, end, taken, server, tuple(tables))
            return
        finally:
            if not connection.closed:
                connection.execute("ROLLBACK")
    raise FeedError(f"{option}: a table is being altered, created or dropped; run again when that is done")


def _settle(cursor: Any, selection: Selection, tables: list[Table]) -> None:
    """Sets the transaction's limits and locks. None of this takes the snapshot yet."""
    milliseconds = selection.timeout_seconds * 1000
    cursor.execute(
        f"SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {LOCK_SECONDS * 1000}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}; SET LOCAL row_security = off"
    )
    cursor.execute(f"LOCK TABLE {', '.join(table.sql for table in tables)} IN ACCESS SHARE MODE")


def _forms(tables: list[Table]) -> list[Table]:
    return [replace(table, estimate=0) for table in tables]
