"""The tables of a database that are pulled: their keys, watermarks, sizes, and the rights that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import DeclarationError, FeedError
from common.sources.pulling.postgres.names import quoted
from common.sources.pulling.postgres.tables.selection import XMIN, Selection

ADDED = ("_table", "_op", "_changed_at", "_order")
"""Fields that a record has beside its row's columns."""

_TABLES = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.reltuples::bigint,
       has_table_privilege(c.oid, 'SELECT'), has_schema_privilege(n.oid, 'USAGE'), row_security_active(c.oid),
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
             AND NOT a.attisdropped ORDER BY a.attnum),
       ARRAY(SELECT a.attname::text FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
             WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place),
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
             AND a.atttypid = 'timestamptz'::regtype AND NOT a.attisdropped),
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
             AND a.atttypid = 'timestamp'::regtype AND NOT a.attisdropped),
       ARRAY(SELECT relid::oid::bigint FROM pg_partition_tree(c.oid) WHERE isleaf AND c.relkind = 'p' ORDER BY 1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND ({chosen}) ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class Table:
    """A table: `estimate` is of its rows, -1 where nobody has counted; `watermark` is xmin or a column.

    `partitions` are the oids of those that have rows, at any depth.
    """

    oid: int
    schema: str
    name: str
    partitioned: bool
    estimate: int
    columns: tuple[str, ...]
    key: tuple[str, ...]
    watermark: str
    has_zone: bool
    partitions: tuple[int, ...] = ()
    trouble: str = ""
    way_out: str = ""

    @property
    def full_name(self) -> str:
        """SCHEMA.TABLE, as records name it."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The table in SQL. A partitioned one is its partitions; another is itself, without tables that inherit it."""
        both = f"{quoted(self.schema)}.{quoted(self.name)}"
        return both if self.partitioned else f"ONLY {both}"


def tables_of(cursor: Any, selection: Selection, option: str) -> list[Table]:
    """The selected tables, with what keeps each from being pulled; `option` is where they are declared.

    Raises:
        DeclarationError: a schema or a table that is declared isn't there.
    """
    if selection.schema is not None:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [selection.schema])
        if not cursor.fetchone():
            raise DeclarationError(f"{option}.schema: the database has no schema {selection.schema!r}")
        cursor.execute(_TABLES.format(chosen="n.nspname = %s"), [selection.schema])
    else:
        cursor.execute(_TABLES.format(chosen="n.nspname || '.' || c.relname = ANY(%s)"), [list(selection.listed)])
    found = [_table(row, selection, cursor.connection.info.user) for row in cursor.fetchall()]
    names = {table.full_name for table in found}
    if absent := sorted(set(selection.listed) - names):
        raise DeclarationError(f"{option}: the database has no table {absent[0]!r}; tables are named SCHEMA.TABLE")
    kept = [table for table in found if not {table.name, table.full_name} & selection.leave_out]
    if selection.keyless == "leave_out":
        kept = [table for table in kept if table.key]
    if not kept:
        raise DeclarationError(f"{option}: there is no table to pull in the schema {selection.schema!r}")
    return kept


def check_tables(tables: Sequence[Table], option: str) -> None:
    """Checks that every table can be pulled.

    Raises:
        FeedError: one can't; the message has the way out for each.
    """
    troubled = [f"{table.full_name}: {table.trouble}; {table.way_out}" for table in tables if table.trouble]
    if troubled:
        raise FeedError(f"{option}: " + "; ".join(troubled))


def _table(row: Sequence[Any], selection: Selection, user: str) -> Table:
    oid, schema, name, kind, estimate, may_read, may_use, hides_rows, columns, key, with_zone, without_zone, parts = row
    watermark = next((w for w in selection.watermark if w == XMIN or w in with_zone or w in without_zone), "")
    table = f"{quoted(schema)}.{quoted(name)}"
    trouble, way_out = "", ""
    if not may_use:
        trouble, way_out = "no right to its schema", f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(user)};"
    elif not may_read:
        trouble, way_out = "no right to read it", f"GRANT SELECT ON {table} TO {quoted(user)};"
    elif hides_rows:
        trouble = f"a row security policy hides rows of it from {user}"
        way_out = f"ALTER ROLE {quoted(user)} BYPASSRLS; or leave it out (except)"
    elif not key and selection.keyless == "refuse":
        trouble = "it has no primary key"
        way_out = "give it one, leave it out (except), or take such tables whole each time (without_key: whole)"
    elif not watermark:
        trouble = f"it has none of the watermarks {', '.join(selection.watermark)} as a timestamp"
        way_out = "end the list with xmin, which every table has"
    elif taken := sorted(set(columns) & set(ADDED)):
        trouble, way_out = f"its column {taken[0]} has the name of a field that records get", "leave it out (except)"
    return Table(
        oid,
        schema,
        name,
        kind == "p",
        estimate,
        tuple(columns),
        tuple(key),
        watermark,
        watermark in with_zone,
        tuple(parts),
        trouble,
        way_out,
    )
