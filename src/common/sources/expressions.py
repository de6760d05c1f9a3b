"""The SQL expressions of a source's `map` and `where`: which fields they read, and what to write where a text is none.

Their operations are checked by `kinds`: no record can make them fail.
"""

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from common.errors import DeclarationError
from common.sources import map_functions as own
from common.sources.field_paths import DIALECT, Path, references
from common.sources.kinds import FUNCTIONS, kind_of
from common.sources.name_hints import (
    calls,
    has_words_of_a_name,
    in_backticks,
    may_be_a_name,
    may_be_an_expression,
    name_with_brackets,
    quoting_error,
)


@dataclass(frozen=True)
class Expression:
    """A checked expression: its SQL, the values of the record that it reads, and the kind of its own value.

    `is_constant` is whether it gives the same for every record.
    """

    sql: str
    paths: tuple[Path, ...]
    kind: str
    is_constant: bool

    @property
    def fields(self) -> tuple[str, ...]:
        """The top-level fields that the expression reads, or reads a part of; each once."""
        return tuple(dict.fromkeys(str(path[0]) for path in self.paths))


class _NoSqlError(DeclarationError):
    """The text can't be read as SQL at all."""


@lru_cache(maxsize=1024)
def checked_expression(sql: str) -> Expression:
    """Parses and checks an expression.

    Raises:
        DeclarationError: it is no SQL expression, or holds something that a record's text could make fail.
    """
    try:
        tree = _parsed(sql)
        kind = kind_of(tree)
        paths = tuple(dict.fromkeys(reference.path for reference in references(sql)))
    except DeclarationError as error:
        spelling = f"a field of that name is written {in_backticks(sql)}"
        if not may_be_a_name(sql, FUNCTIONS):
            if has_words_of_a_name(sql):
                raise DeclarationError(f"{error}. If it is a name, {spelling}") from None
            if name := name_with_brackets(sql, FUNCTIONS):
                raise DeclarationError(f"{error}. If {name!r} is a field's name, write `{name}`") from None
            if isinstance(error, _NoSqlError) and "`" not in sql:
                raise DeclarationError(
                    f"{error}. A name with blanks or signs in it stands in backticks: `a b`"
                ) from None
            raise
        if calls(sql):
            raise DeclarationError(f"{error}. If it is no call, {spelling}") from None
        raise DeclarationError(f"{sql!r} is no name that SQL takes as it is; {spelling}{_else(sql, error)}") from None
    if sql.strip().startswith('"') and isinstance(tree, exp.Literal):
        raise DeclarationError(
            f"{sql!r} is a text, not a field; a field of that name is written {in_backticks(tree.name)}, a text "
            f"\"'{tree.name}'\""
        )
    asks_for_place = any(own.name_of(node) in (own.SOURCE_REF, own.ROW_NUMBER) for node in tree.walk())
    return Expression(sql, paths, kind, is_constant=not paths and not asks_for_place)


def _parsed(sql: str) -> exp.Expr:
    try:
        tree = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        why = quoting_error(sql) or _where(error)
        raise _NoSqlError(f"{sql!r} is not an SQL expression: {why}") from None
    if not isinstance(tree, exp.Expr) or isinstance(tree, exp.Query | exp.Command | exp.DDL | exp.Alias | exp.Block):
        raise DeclarationError(f"{sql!r} is not an SQL expression of one value")
    return tree


def _else(sql: str, error: DeclarationError) -> str:
    return f". Else: {error}" if may_be_an_expression(sql) else ""


def _where(error: SqlglotError) -> str:
    """Where the parser stopped: its own words name classes of Python."""
    found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    return f"it can't be read at {found['highlight']!r}" if found.get("highlight") else "it can't be read"
