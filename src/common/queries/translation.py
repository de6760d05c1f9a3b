"""A query in Spark's SQL, as DuckDB takes it."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError

from common.contracts.registry import LAYERS
from common.errors import QueryError, first_line
from common.queries.alike import put_alike
from common.queries.names import column_names
from common.queries.statements import DIALECT, NotAnswered, named_tables
from common.queries.tables import near
from common.queries.with_types import with_types

LOCAL_CATALOG = "spark_catalog"


@dataclass(frozen=True)
class Question:
    """A query for DuckDB, the names that its columns have in Spark, and what DuckDB may answer otherwise."""

    sql: str
    names: tuple[str | None, ...]
    doubts: tuple[str, ...]


def translated(query: exp.Query, types: Mapping[str, Mapping[str, str]]) -> Question:
    """The query for DuckDB, given the types of the columns of its tables (`gold.transaction_scores`).

    Raises:
        QueryError: it names a column that none of its tables has, nor the query itself.

    """
    names = column_names(query)
    _columns_are_there(query, {column.lower() for columns in types.values() for column in columns})
    try:
        typed = with_types(query, types)
        doubts = put_alike(typed)
        return Question(typed.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE), names, doubts)
    except SqlglotError as error:
        return Question(query.sql(dialect="duckdb"), names, (first_line(error),))


def _columns_are_there(query: exp.Query, columns: set[str]) -> None:
    """Whether every column is one of the tables, or is named by the query."""
    tables = {table.alias_or_name.lower() for table in query.find_all(exp.Table) if table.db}
    named = {identifier.name.lower() for identifier in query.find_all(exp.Identifier) if _gives_a_name(identifier)}
    for column in query.find_all(exp.Column):
        first, *others = (part.name.lower() for part in column.parts)
        # A table's name may stand before; what follows a column is a field of its struct.
        name = others[0] if others and first in tables - columns else first
        if not column.is_star and not name.startswith("_") and name not in columns | named:
            close = near(name, sorted(columns))
            listed = ", ".join(sorted(columns)) or "none"
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are {listed}"
            raise QueryError(f"there is no column {column.sql(dialect=DIALECT)}; {hint}")


def _gives_a_name(identifier: exp.Identifier) -> bool:
    """Whether it is an alias, a table, or the parameter of a function."""
    return not isinstance(identifier.parent, exp.Column) or isinstance(identifier.parent.parent, exp.Lambda)


def stored_tables(query: exp.Query, known: Collection[str], schema_prefix: str) -> tuple[str, ...]:
    """The known tables that a query reads; in the query, schemas get the names of their layers, without the prefix.

    Raises:
        QueryError: a table isn't there; the message has names near to it, or what its schema has.
        NotAnswered: a table isn't there, nor is its schema one of the lakehouse's, so Spark may know it; or rows come
            from a function.

    """
    found = []
    for table in named_tables(query):
        if not isinstance(table.this, exp.Identifier):
            raise NotAnswered(f"rows come from a function, {table.this.sql(dialect=DIALECT)}")
        layer = table.db.lower().removeprefix(schema_prefix) if table.catalog.lower() in ("", LOCAL_CATALOG) else ""
        name = f"{layer}.{table.name.lower()}"
        if layer not in LAYERS or name not in known:
            raise _unknown(f"{table.db}.{table.name}" if table.db else table.name, layer, known)
        table.set("catalog", None)
        table.set("db", exp.to_identifier(layer))
        table.set("this", exp.to_identifier(table.name.lower()))
        found.append(name)
    return tuple(dict.fromkeys(found))


def _unknown(name: str, layer: str, known: Collection[str]) -> QueryError:
    """An error that names what is near, or else what the schema has; a table of another schema Spark may know."""
    close = near(name, known)
    short = name.rpartition(".")[2].lower()
    slips = difflib.get_close_matches(short, [table.rpartition(".")[2] for table in known], cutoff=0.8)
    if slips:
        return QueryError(f"there is no table {name}; did you mean {' or '.join(close)}?")
    if not known and (layer in LAYERS or "." not in name):
        return QueryError(f"there is no table {name}: the workspace has none yet")
    if layer not in LAYERS:
        return NotAnswered(f"DuckDB knows no table {name}")
    has = ", ".join(sorted(table.partition(".")[2] for table in known if table.startswith(f"{layer}.")))
    return QueryError(
        f"there is no table {name}; {layer} has {has or 'none yet'} (a view of your own: --engine spark reads it)"
    )
