"""The engine: all tables that one Delta table feeds, brought to one version of it in one transaction of PostgreSQL.

For another writer, such as one that fills an outbox from rows as they come:

    deliver(connection, place, source, tables, also=fill)     fill(cursor, table, staged): see `writing.Also`

The transaction takes a lock, so that two deliveries follow one another. It stages the rows, deletes, inserts and
updates those that differ, calls `also`, and notes the Delta table's id and version (`positions`). Killed at any moment,
the old rows are there with the old position, and the next delivery goes on from it.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common.errors import first_line
from common.publish.delivery import Delivery
from common.publish.postgres import access, definition, positions
from common.publish.postgres.access import Place
from common.publish.postgres.delta import Source
from common.publish.postgres.positions import Position
from common.publish.postgres.served import ServedTable
from common.publish.postgres.writing import NOTHING, Also, Writing, Written
from common.sources.clients import client
from common.sources.pulling.postgres.names import quoted

if TYPE_CHECKING:
    import psycopg

    from common.publish.postgres.copying import Cursor

    Opened = psycopg.Connection[tuple[Any, ...]]


def deliver(
    connection: "Opened", place: Place, source: Source, tables: Sequence[ServedTable], also: Also | None = None
) -> list[Delivery]:
    """Brings tables of one Delta table to the version of `source`: all of them, or none where it fails.

    The place is prepared (`access.prepare`), and the connection in autocommit.

    Raises:
        OutputError: a table there doesn't fit its contract, or the Delta table can't be read.
        psycopg.Error: PostgreSQL refuses; `failures.in_words` says it in words.
    """
    with connection.transaction(), connection.cursor() as cursor:
        access.act_as_owner(cursor, place)
        _lock(cursor, place, source, tables)
        positions.ensure(cursor, place.schema)
        access.grant_positions(cursor, place)
        was = positions.positions(cursor, place.schema, [table.name for table in tables])
        # A delivery that this one waited for may have brought a newer version: the older one must not come back.
        if any(source.state.version < position.version for position in was.values()):
            source = source.newest()
        done = [
            _bring(Writing(cursor, place.schema, table, source, also), place, was.get(table.name)) for table in tables
        ]
    left = _vacuum(connection, place, tables)
    return [replace(one, note="; ".join(filter(None, (one.note, left.get(one.item, ""))))) for one in done]


def _lock(cursor: "Cursor", place: Place, source: Source, tables: Sequence[ServedTable]) -> None:
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"lakehouse {place.schema} {tables[0].source.name}",)
    )


def _bring(writing: Writing, place: Place, was: Position | None) -> Delivery:
    cursor, table, source = writing.cursor, writing.table, writing.source
    started = time.monotonic()
    is_new = definition.create(cursor, place.schema, table)
    definition.bring_up(cursor, place.schema, table)
    if not is_new:
        definition.index(cursor, place.schema, table)
    access.grant(cursor, place, table)
    dropped = definition.drop_undeclared(cursor, place.schema, table)
    if not is_new and was is not None and _is_there(table, source, was):
        return _delivery(table, was, was, Written(NOTHING, 0, 0, was.row_count, was.digest), started)
    written = writing.write(was, is_new=is_new)
    now = Position(
        table.source.name,
        writing.table_id(was),
        source.state.version,
        source.state.commit,
        table.shape,
        written.row_count,
        written.digest,
        is_vacuum_due=bool(written.rows_deleted) or bool(was and was.is_vacuum_due and not is_new),
    )
    positions.note(cursor, place.schema, table.name, now)
    written = replace(written, note="; ".join(filter(None, (written.note, dropped))))
    return _delivery(table, was, now, written, started)


def _is_there(table: ServedTable, source: Source, was: Position) -> bool:
    """Whether it holds this very version, which is seen without a question to Spark."""
    state = (was.source_table, was.version, was.commit_id, was.shape)
    return not was.is_doubted and state == (table.source.name, source.state.version, source.state.commit, table.shape)


def _vacuum(connection: "Opened", place: Place, tables: Sequence[ServedTable]) -> dict[str, str]:
    """Takes deleted rows off the disk: they may be those of an erased person, whom no file should keep until later.

    What is left is due at the next delivery, and said in words here, by table.
    """
    left = {}
    with connection.transaction(), connection.cursor() as cursor:
        access.act_as_owner(cursor, place)
        held = positions.positions(cursor, place.schema, [table.name for table in tables])
    due = [table for table in tables if table.name in held and held[table.name].is_vacuum_due]
    for table in due:
        try:
            _vacuum_as_owner(connection, place, table)
            with connection.transaction(), connection.cursor() as cursor:
                access.act_as_owner(cursor, place)
                positions.vacuumed(cursor, place.schema, table.name, held[table.name])
        except client("psycopg", "postgres").Error as error:
            left[table.name] = f"deleted rows are on its disk until a VACUUM that succeeds ({first_line(error)})"
    return left


def _vacuum_as_owner(connection: "Opened", place: Place, table: ServedTable) -> None:
    """It runs in no transaction, so that role and time limit are the session's, and have to be given back."""
    try:
        connection.execute(f"SET ROLE {quoted(place.owner)}")
        connection.execute(f"SET lock_timeout = '{access.LOCK_SECONDS}s'")
        connection.execute(f"VACUUM {definition.name_of(place.schema, table)}")
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")
            connection.execute("RESET ROLE")


def _delivery(table: ServedTable, was: Position | None, now: Position, written: Written, started: float) -> Delivery:
    return Delivery(
        table.name,
        written.mode,
        source_table=table.source.name,
        table_id=now.table_id,
        from_version=was.version if was else None,
        version=now.version,
        rows_written=written.rows_written,
        rows_deleted=written.rows_deleted,
        rows_there=now.row_count,
        seconds=time.monotonic() - started,
        note=written.note,
    )
