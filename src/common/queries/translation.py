"""A query in Spark's SQL, as DuckDB takes it."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from common.contracts.registry import LAYERS
from common.errors import QueryError
from common.queries.tables import near

DIALECT = "databricks"
"""What SQLGlot calls Spark's SQL in ANSI mode: a cast that fails is an error, and so is a division by zero."""


@dataclass(frozen=True)
class Question:
    """A query for DuckDB, and which of the known tables it reads."""

    sql: str
    tables: tuple[str, ...]


def translated(statement: str, known: Collection[str], schema_prefix: str = "") -> Question:
    """The query for DuckDB, whose schemas have the names of layers, without the prefix.

    Raises:
        QueryError: it is no query, or names a table that isn't there.

    """
    query = parsed(statement)
    tables = _tables(query, known, schema_prefix)
    return Question(query.sql(dialect="duckdb"), tables)


def parsed(statement: str) -> exp.Query:
    """The tree of a query.

    Raises:
        QueryError: it is no query, not one statement, or not understood.

    """
    try:
        statements = [tree for tree in sqlglot.parse(statement, read=DIALECT) if tree is not None]
    except SqlglotError as error:
        raise QueryError(f"not understood: {error}") from error
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements; give one")
    if not isinstance(statements[0], exp.Query):
        verb = statement.split(maxsplit=1)[0].upper()
        raise QueryError(f"only queries are answered here, and this one begins with {verb}")
    return statements[0]


def named_tables(query: exp.Query) -> list[exp.Table]:
    """The tables that a query reads, without the names that it defines itself."""
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    return [table for table in query.find_all(exp.Table) if table.db or table.name.lower() not in own]


def _tables(query: exp.Query, known: Collection[str], schema_prefix: str) -> tuple[str, ...]:
    found = []
    for table in named_tables(query):
        layer = table.db.lower().removeprefix(schema_prefix)
        name = f"{layer}.{table.name.lower()}"
        if layer not in LAYERS or name not in known:
            asked = f"{table.db}.{table.name}" if table.db else table.name
            close = near(asked, known)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known) or 'none'}"
            raise QueryError(f"there is no table {asked}; {hint}")
        table.set("catalog", None)
        table.set("db", exp.to_identifier(layer))
        table.set("this", exp.to_identifier(table.name.lower()))
        found.append(name)
    return tuple(dict.fromkeys(found))
