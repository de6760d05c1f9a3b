"""Contracts as statements: what creates a table exactly as it is declared."""

from collections.abc import Callable, Mapping

from common.contracts.table import Column, Table, View

_NESTED = ("array", "map", "struct")


def create_table(table: Table, full_name: str, keys: tuple[str, ...] = ()) -> str:
    """The CREATE TABLE statement of a contract, under a three-level name, with constraints as `keys` gives them."""
    columns = ",\n  ".join([*(_column(c, table, bool(keys)) for c in table.columns), *keys])
    clustering = f"\nCLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {full_name} (\n  {columns}\n)\nUSING delta{clustering}\n"
        f"COMMENT {quoted(f'{table.comment} Grain: {table.grain}.')}{_properties(table)}"
    )


def _column(column: Column, table: Table, has_keys: bool) -> str:
    # A primary key's columns must be declared as never null.
    null = " NOT NULL" if has_keys and column.name in table.key else ""
    return f"{column.name} {column.type}{null} COMMENT {quoted(column.comment)}"


def keys(table: Table, name_of: Callable[[str], str], exists: Callable[[str], bool]) -> tuple[str, ...]:
    """Primary and foreign keys as Unity Catalog holds them: informational, for its optimizer and for people.

    A foreign key needs the other table, by the column that is its whole key; where that isn't there, there is none.
    """
    if not table.key or table.nullable_key:
        return ()
    primary = f"CONSTRAINT {table.short_name}_key PRIMARY KEY ({', '.join(table.key)})"
    foreign = (
        f"CONSTRAINT {table.short_name}_{key.column} FOREIGN KEY ({key.column}) "
        f"REFERENCES {name_of(key.to_table)} ({key.to_column})"
        for key in table.foreign_keys
        if key.to_whole_key and exists(key.to_table)
    )
    return (primary, *foreign)


def tags(table: Table, full_name: str) -> tuple[str, ...]:
    """Statements that give a table and its personal columns their tags in Unity Catalog."""
    personal = [column.name for column in table.columns if column.personal]
    of_table = {"layer": table.schema, "grain": table.grain} | ({"personal_data": "yes"} if personal else {})
    pairs = ", ".join(f"{quoted(name)} = {quoted(value)}" for name, value in of_table.items())
    return (
        f"ALTER TABLE {full_name} SET TAGS ({pairs})",
        *(f"ALTER TABLE {full_name} ALTER COLUMN {name} SET TAGS ('personal_data' = 'yes')" for name in personal),
    )


def analyze_table(table: Table, full_name: str) -> str:
    """The statement that gathers statistics of a table's columns, which Spark can't of lists, maps and structs.

    Personal columns are left out: minima and maxima would stay in the catalog after a person is erased.
    """
    columns = [c.name for c in table.columns if not c.personal and not c.type.lower().startswith(_NESTED)]
    return f"ANALYZE TABLE {full_name} COMPUTE STATISTICS FOR COLUMNS {', '.join(columns)}"


CHANGE_FEED = "delta.enableChangeDataFeed"
"""The property of a table that keeps what each version changed."""


def _properties(table: Table) -> str:
    properties = {"delta.dataSkippingStatsColumns": _statistics(table)} if _statistics(table) else {}
    if table.change_feed:
        properties[CHANGE_FEED] = "true"
    pairs = ", ".join(f"{quoted(name)} = {quoted(value)}" for name, value in properties.items())
    return f"\nTBLPROPERTIES ({pairs})" if pairs else ""


def _statistics(table: Table) -> str:
    """By which columns files are skipped: those of `skip_by`, and none that are personal.

    Minima and maxima of those would stay in the Delta log after a person is erased.
    """
    if not table.skip_by and not any(column.personal for column in table.columns):
        return ""
    without = ("array", "struct", "map", "boolean", "binary")
    wanted = [c for c in table.columns if not table.skip_by or c.name in {*table.skip_by, *table.cluster_by}]
    return ",".join(c.name for c in wanted if not c.personal and not c.type.startswith(without))


def create_view(view: View, full_name: str, of_full_name: str) -> str:
    """The CREATE VIEW statement of a contract, under three-level names."""
    return f"CREATE VIEW IF NOT EXISTS {full_name} COMMENT {quoted(view.comment)} {_as_rows_of(view, of_full_name)}"


def alter_view(view: View, full_name: str, of_full_name: str) -> str:
    """The statement that gives a view that is there all columns of its table; it keeps comment and grants."""
    return f"ALTER VIEW {full_name} {_as_rows_of(view, of_full_name)}"


def _as_rows_of(view: View, of_full_name: str) -> str:
    return f"AS SELECT * FROM {of_full_name} WHERE {view.condition}"


def schema_of(table: Table) -> str:
    """The contract's columns as a DDL schema string, such as Spark's readers and UDFs take."""
    return columns_of({column.name: column.type for column in table.columns})


def columns_of(types: Mapping[str, str]) -> str:
    """Columns of these types as a DDL schema string."""
    return ", ".join(f"{name} {type_}" for name, type_ in types.items())


def quoted(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
