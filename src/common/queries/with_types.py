"""The type of every expression of a query."""

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from common.queries.kinds import is_of_table
from common.queries.statements import DIALECT

_DIGITS = re.compile(r"DECIMAL\(.*?\)")


def with_types(query: exp.Query, types: Mapping[str, Mapping[str, str]]) -> exp.Query:
    """The query with full names and a type at each expression, given those of its tables' columns in DuckDB's words.

    SQLGlot takes 0.5 for a double, and a double times a DECIMAL(2,1) for a decimal: so decimals have no digits while it
    looks. Afterwards only the tables' own columns and conversions have them, of which they are known.

    Raises:
        SqlglotError: a column is in none of the tables, or in two.

    """
    schema: dict[str, Any] = {}
    for name, columns in types.items():
        layer, short = name.split(".")
        schema.setdefault(layer, {})[short] = {c: _DIGITS.sub("DECIMAL", type_) for c, type_ in columns.items()}
    declared = MappingSchema(schema, dialect="duckdb")
    named: Any = qualify(query, schema=declared, dialect=DIALECT, quote_identifiers=False)
    decimals = [(cast, cast.args["to"]) for cast in named.find_all(exp.Cast) if cast.args["to"].expressions]
    for cast, to in decimals:
        cast.set("to", exp.DataType.build(_DIGITS.sub("DECIMAL", to.sql())))
    fractions = [
        (_as_decimal(literal), literal) for literal in list(named.find_all(exp.Literal)) if _is_fraction(literal)
    ]
    typed: Any = annotate_types(named, schema=declared, dialect=DIALECT)
    for cast, literal in fractions:
        literal.type = cast.type
        cast.replace(literal)
    for cast, to in decimals:
        cast.set("to", to)
    for column in typed.find_all(exp.Column):
        if is_of_table(column) and (digits := _declared(column, types)):
            column.type = digits
    return typed  # type: ignore[no-any-return]


def _is_fraction(literal: exp.Literal) -> bool:
    number = not literal.is_string and re.fullmatch(r"\d*\.\d*", literal.name) is not None
    return number and not isinstance(literal.parent, exp.Quantile | exp.Interval)


def _as_decimal(literal: exp.Literal) -> exp.Cast:
    cast = exp.Cast(this=literal.copy(), to=exp.DataType.build("DECIMAL"))
    literal.replace(cast)
    return cast


def _declared(column: exp.Column, types: Mapping[str, Mapping[str, str]]) -> str:
    """The type of a table's column that is a decimal, with its digits."""
    found = {columns[column.name] for columns in types.values() if column.name in columns}
    return found.pop() if len(found) == 1 and _DIGITS.fullmatch(next(iter(found))) else ""
