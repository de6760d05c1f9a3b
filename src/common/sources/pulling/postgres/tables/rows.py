"""The rows of a table in SQL: which are new, as JSON with their key and transaction."""

from collections.abc import Iterator
from typing import Any

from common.sources.pulling.postgres.names import quoted
from common.sources.pulling.postgres.tables.catalog import Table
from common.sources.pulling.postgres.tables.selection import XMIN, Selection
from common.sources.pulling.postgres.tables.snapshot import Snapshot
from common.sources.pulling.postgres.tables.state import TableState
from common.sources.pulling.postgres.times import time_of

ZONES_SECONDS = 14 * 3600
"""A timestamp without a time zone may be of any: it is taken as UTC, and looked at from so much earlier on."""
_HALF = 1 << 31
_XID_BITS = (1 << 32) - 1


def key_sql(table: Table) -> str:
    """A row's key as JSON: the value of one column, or an array of several."""
    columns = [f"_row.{quoted(column)}" for column in table.key]
    return f"to_json({columns[0]})::text" if len(columns) == 1 else f"json_build_array({', '.join(columns)})::text"


def new_rows(
    cursor: Any, table: Table, known: TableState | None, seen: Snapshot, selection: Selection
) -> Iterator[Any]:
    """The rows that may be new, all where nothing is known; none that is new is missing.

    Each is xmin, key, JSON, and "t" where its partition was attached since the last pull, or "f".
    """
    columns = f"_row.xmin::text, {key_sql(table)}, row_to_json(_row.*)::text, {_came_attached(table, known)}"
    return copied(cursor, f"SELECT {columns} FROM {table.sql} AS _row {_where(table, known, seen, selection)}")


def all_rows(cursor: Any, table: Table) -> Iterator[Any]:
    """JSON of every row."""
    return copied(cursor, f"SELECT row_to_json(_row.*)::text FROM {table.sql} AS _row")


def digest(cursor: Any, table: Table) -> str:
    """A digest of all rows, whatever their order."""
    hashed = f"SELECT md5(row_to_json(_row.*)::text) AS h FROM {table.sql} AS _row"
    cursor.execute(
        f"SELECT count(*) || ' ' || coalesce(sum(('x' || left(h, 15))::bit(60)::bigint), 0) FROM ({hashed}) s"
    )
    return str(cursor.fetchone()[0])


def copied(cursor: Any, query: str) -> Iterator[Any]:
    """The rows of a query as texts, in blocks. COPY doubles backslashes; the client takes that back."""
    with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        yield from copy.rows()


def _where(table: Table, known: TableState | None, seen: Snapshot, selection: Selection) -> str:
    if known is None:
        return ""
    conditions = []
    if seen.end - known.horizon < _HALF:  # ages of older ones mean nothing: then all rows are looked at
        conditions.append(f"age(_row.xmin) BETWEEN 0 AND age('{known.horizon & _XID_BITS}'::xid)")
    if table.watermark != XMIN:
        column = f"_row.{quoted(table.watermark)}"
        back = selection.overlap_seconds + (0 if table.has_zone else ZONES_SECONDS)
        since = time_of(max(0, min(known.since, seen.taken) - back * 1_000_000)).replace(tzinfo=None)
        start = f"timestamptz '{since} UTC'" if table.has_zone else f"timestamp '{since}'"
        conditions.append(f"({column} >= {start} OR {column} IS NULL)")
    return f"WHERE {' AND '.join(conditions)} OR {_came_attached(table, known)}" if conditions else ""


def _came_attached(table: Table, known: TableState | None) -> str:
    """A condition in SQL: the row was written when its partition was not yet the table's, so its age says nothing."""
    attached = known.attached(table) if known and known.oid else ()
    return f"_row.tableoid IN ({', '.join(map(str, attached))})" if attached else "false"
