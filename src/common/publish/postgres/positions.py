"""What each table of the warehouse holds, noted there in the transaction that brought it: the truth after a kill."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from common.publish.delivery import FOUND, Delivery
from common.publish.postgres.served import ServedTable
from common.sources.pulling.postgres.names import literal, quoted

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor

TABLE = "delivered_versions"
_COLUMNS = {
    "item": ("text PRIMARY KEY", "The table of this schema."),
    "source_table": ("text NOT NULL", "The Delta table that its rows are of."),
    "table_id": ("text NOT NULL", "That table's id: one that is made again has another."),
    "version": ("bigint NOT NULL", "The version of it that the rows are those of."),
    "commit_id": ("text NOT NULL", "What distinguishes that version from another one of the same number."),
    "shape": ("text NOT NULL", "Digest of which rows and columns are served."),
    "row_count": ("bigint NOT NULL", "Rows that were there after the delivery."),
    "digest": ("numeric NOT NULL", "Sum of the hashes of all rows, whatever their order."),
    "is_doubted": ("boolean NOT NULL", "Whether a check found other rows: the next delivery compares all."),
    "is_vacuum_due": ("boolean NOT NULL", "Whether rows were deleted that are still on the disk."),
    "delivered_at": ("timestamptz NOT NULL", "When the rows came."),
}


@dataclass(frozen=True)
class Position:
    """What a table holds; the fields are the columns of `delivered_versions`."""

    source_table: str
    table_id: str
    version: int
    commit_id: str
    shape: str
    row_count: int
    digest: int
    is_doubted: bool = False
    is_vacuum_due: bool = False


_COUNTED = """
SELECT c.relname, pg_relation_filenode(c.oid), n_tup_ins, n_tup_upd, n_tup_del
FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s) ORDER BY 1
"""
_FIELDS = tuple(Position.__dataclass_fields__)


def where(schema: str) -> str:
    """The table of positions, as SQL names it."""
    return f"{quoted(schema)}.{quoted(TABLE)}"


def ensure(cursor: "Cursor", schema: str) -> None:
    """Makes the table of positions where there is none."""
    if is_there(cursor, schema, TABLE):
        return
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"lakehouse {schema}",))
    if is_there(cursor, schema, TABLE):  # another delivery made it meanwhile
        return
    columns = ", ".join(f"{name} {type_}" for name, (type_, _) in _COLUMNS.items())
    cursor.execute(f"CREATE TABLE {where(schema)} ({columns})")
    cursor.execute(f"COMMENT ON TABLE {where(schema)} IS 'Of which version of the lakehouse each table''s rows are.'")
    for name, (_, comment) in _COLUMNS.items():
        cursor.execute(f"COMMENT ON COLUMN {where(schema)}.{name} IS {literal(comment)}")


def is_there(cursor: "Cursor", schema: str, table: str) -> bool:
    """Whether there is such a table or view."""
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{quoted(schema)}.{quoted(table)}",))
    return bool(cursor.fetchall()[0][0])


def positions(cursor: "Cursor", schema: str, items: Iterable[str]) -> dict[str, Position]:
    """What the tables hold, by name; those that nothing was delivered to are left out."""
    cursor.execute(
        f"SELECT item, {', '.join(_FIELDS)} FROM {where(schema)} WHERE item = ANY(%s)",
        (list(items),),
    )
    found = {item: Position(*values) for item, *values in cursor.fetchall()}
    return {item: replace(position, digest=int(position.digest)) for item, position in found.items()}


def states(cursor: "Cursor", schema: str, items: Iterable[str]) -> dict[str, list[str]]:
    """By table that is there and was delivered, what changes when it is delivered or changed by hand, for JSON.

    Besides the position these are its file and how many rows were ever added, changed and deleted. PostgreSQL counts
    those some time after the commit, and from zero after a crash: a delivery that is over may be looked at once more.
    """
    noted = positions(cursor, schema, items)
    cursor.execute(_COUNTED, (quoted(schema), list(noted)))
    return {item: [*map(str, (*vars(noted[item]).values(), *counted))] for item, *counted in cursor.fetchall()}


def delivered_since(cursor: "Cursor", schema: str, items: Iterable[str], since: datetime) -> list[Delivery]:
    """What came at that time or later to tables of these names, by the server's clock."""
    if not is_there(cursor, schema, TABLE):
        return []
    cursor.execute(
        f"SELECT item, delivered_at, source_table, table_id, version, row_count FROM {where(schema)} "
        "WHERE item = ANY(%s) AND delivered_at >= %s ORDER BY delivered_at, item",
        (list(items), since),
    )
    return [
        Delivery(item, FOUND, source_table=table, table_id=table_id, version=version, rows_there=rows, delivered_at=at)
        for item, at, table, table_id, version, rows in cursor.fetchall()
    ]


def items(cursor: "Cursor", schema: str) -> list[str]:
    """The names of all tables that were ever delivered there."""
    cursor.execute(f"SELECT item FROM {where(schema)} ORDER BY item")
    return [item for (item,) in cursor.fetchall()]


def note(cursor: "Cursor", schema: str, item: str, position: Position) -> None:
    """Notes what a table holds now."""
    values = ", ".join(["%s"] * (len(_FIELDS) + 1))
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*_FIELDS, "delivered_at"))
    cursor.execute(
        f"INSERT INTO {where(schema)} (item, {', '.join(_FIELDS)}, delivered_at) VALUES ({values}, now()) "
        f"ON CONFLICT (item) DO UPDATE SET {changed}",
        (item, *(getattr(position, name) for name in _FIELDS)),
    )


def measured(cursor: "Cursor", schema: str, table: ServedTable, only: str = "") -> tuple[int, int]:
    """How many rows there are, and the sum of their hashes; `only` are names of a table whose keys alone count."""
    row = f"hashtextextended((ROW({', '.join(f't.{quoted(name)}' for name in table.column_names)}))::text, 0)"
    among = f" WHERE EXISTS (SELECT FROM {only} s WHERE {table.same_key('s', 't')})" if only else ""
    cursor.execute(f"SELECT count(*), coalesce(sum({row}), 0) FROM {quoted(schema)}.{quoted(table.name)} t{among}")
    count, digest = cursor.fetchall()[0]
    return int(count), int(digest)


def doubt(cursor: "Cursor", schema: str, items: Iterable[str]) -> None:
    """Notes that tables aren't as they were delivered."""
    cursor.execute(f"UPDATE {where(schema)} SET is_doubted = true WHERE item = ANY(%s)", (list(items),))


def vacuumed(cursor: "Cursor", schema: str, item: str, position: Position) -> None:
    """Notes that no deleted rows are left, unless another delivery came meanwhile."""
    cursor.execute(
        f"UPDATE {where(schema)} SET is_vacuum_due = false WHERE (item, table_id, version) = (%s, %s, %s)",
        (item, position.table_id, position.version),
    )
