"""A served table's definition in PostgreSQL: made as its contract says, and brought up to what that has gained."""

from typing import TYPE_CHECKING

from common.errors import OutputError
from common.publish.postgres.positions import is_there
from common.publish.postgres.served import ServedTable
from common.sources.pulling.postgres.names import identifier, literal, quoted

if TYPE_CHECKING:
    from common.publish.postgres.copying import Cursor

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
_KEY = """
SELECT pg_get_indexdef(indexrelid, place, true) FROM pg_index, generate_series(1, indnkeyatts) place
WHERE indexrelid = to_regclass(%s) AND indisunique ORDER BY place
"""


def create(cursor: "Cursor", schema: str, table: ServedTable) -> bool:
    """Makes the table where it isn't there, without key and indexes: those are for after its rows came.

    Returns:
        Whether it was made.
    """
    if is_there(cursor, schema, table.name):
        return False
    columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in table.columns)
    cursor.execute(f"CREATE TABLE {name_of(schema, table)} ({columns})")
    return True


def bring_up(cursor: "Cursor", schema: str, table: ServedTable) -> None:
    """Gives a table that is there the columns and comments that it lacks.

    Raises:
        OutputError: a column has another type than the contract says; nothing is changed.
    """
    name = name_of(schema, table)
    cursor.execute(_COLUMNS, (name,))
    there = {column: (type_, comment) for column, type_, comment in cursor.fetchall()}
    misfits = [
        f"{column.name} is {there[column.name][0]} there and {column.type} by the contract"
        for column in table.columns
        if column.name in there and there[column.name][0] != column.type
    ]
    if misfits:
        raise OutputError(
            f"{schema}.{table.name} doesn't fit its contract: {'; '.join(misfits)}. Nothing was written. Change it "
            f"back (ALTER TABLE {schema}.{table.name} ALTER COLUMN ... TYPE ...), or drop it there "
            f"(DROP TABLE {schema}.{table.name}): the next delivery makes it again with all rows"
        )
    for column in table.columns:
        if column.name not in there:
            cursor.execute(f"ALTER TABLE {name} ADD COLUMN {quoted(column.name)} {column.type}")
        if there.get(column.name, ("", ""))[1] != column.comment:
            cursor.execute(f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.comment)}")
    cursor.execute("SELECT coalesce(obj_description(to_regclass(%s), 'pg_class'), '')", (name,))
    if cursor.fetchall()[0][0] != table.comment:
        cursor.execute(f"COMMENT ON TABLE {name} IS {literal(table.comment)}")


def drop_undeclared(cursor: "Cursor", schema: str, table: ServedTable) -> str:
    """Drops the columns that were made here and are declared no more, which nobody would bring up to date or erase.

    They are known by their comment; a column that was added by hand has none. In words, for the delivery's note.
    """
    name = name_of(schema, table)
    cursor.execute(_COLUMNS, (name,))
    left = [column for column, _, comment in cursor.fetchall() if comment and column not in table.column_names]
    for column in left:
        cursor.execute(f"ALTER TABLE {name} DROP COLUMN {quoted(column)}")
    return f"columns that are declared no more were dropped: {', '.join(sorted(left))}" if left else ""


def index(cursor: "Cursor", schema: str, table: ServedTable) -> None:
    """Makes the key and the indexes that aren't there.

    Raises:
        OutputError: its key is of other columns than the contract's.
    """
    name, key = name_of(schema, table), identifier(f"{table.name}_key")
    cursor.execute(_KEY, (f"{quoted(schema)}.{quoted(key)}",))
    there = [row[0].replace('"', "") for row in cursor.fetchall()]
    wanted = [f"COALESCE({one}, ''::text)" if one in table.nullable_key else one for one in table.key]
    if not there and table.nullable_key:
        cursor.execute(f"CREATE UNIQUE INDEX {quoted(key)} ON {name} ({table.conflict_key})")
    elif not there:
        cursor.execute(f"ALTER TABLE {name} ADD CONSTRAINT {quoted(key)} PRIMARY KEY ({table.conflict_key})")
    elif there != wanted:
        raise OutputError(
            f"{schema}.{table.name} has the key ({', '.join(there)}) and by the contract it is ({', '.join(wanted)}). "
            f"Nothing was written. DROP TABLE {schema}.{table.name}: the next delivery makes it again with all rows"
        )
    for columns in table.indexes:
        known_as = identifier("_".join((table.name, *columns)))
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {quoted(known_as)} ON {name} ({quoted(*columns)})")


def name_of(schema: str, table: ServedTable) -> str:
    """The table's name in SQL."""
    return f"{quoted(schema)}.{quoted(table.name)}"
