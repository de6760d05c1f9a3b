"""The SQL expressions of a source's `map` and `where`: which fields they read, and what to write where a text is none.

Their operations are checked by `kinds`: no record can make them fail.
"""

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from common.errors import DeclarationError
from common.sources.field_paths import DIALECT, Path, references
from common.sources.kinds import FUNCTIONS, kind_of
from common.sources.name_hints import calls, in_backticks, may_be_a_name, may_be_an_expression, quoting_error


@dataclass(frozen=True)
class Expression:
    """A checked expression: its SQL, the values of the record that it reads, and the kind of its own value."""

    sql: str
    paths: tuple[Path, ...]
    kind: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The top-level fields that the expression reads, or reads a part of; each once."""
        return tuple(dict.fromkeys(str(path[0]) for path in self.paths))


@lru_cache(maxsize=1024)
def checked_expression(sql: str) -> Expression:
    """Parses and checks an expression.

    Raises:
        DeclarationError: it is no SQL expression, or holds something that a record's text could make fail.
    """
    try:
        kind = kind_of(_parsed(sql))
        paths = tuple(dict.fromkeys(reference.path for reference in references(sql)))
    except DeclarationError as error:
        if not may_be_a_name(sql, FUNCTIONS):
            raise
        spelling = f"a field of that name is written {in_backticks(sql)}"
        if calls(sql):
            raise DeclarationError(f"{error}. If it is no call, {spelling}") from None
        raise DeclarationError(f"{sql!r} is no name that SQL takes as it is; {spelling}{_else(sql, error)}") from None
    return Expression(sql, paths, kind)


def _parsed(sql: str) -> exp.Expr:
    try:
        tree = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        why = quoting_error(sql) or _where(error)
        raise DeclarationError(f"{sql!r} is not an SQL expression: {why}") from None
    if not isinstance(tree, exp.Expr) or isinstance(tree, exp.Query | exp.Command | exp.DDL | exp.Alias | exp.Block):
        raise DeclarationError(f"{sql!r} is not an SQL expression of one value")
    return tree


def _else(sql: str, error: DeclarationError) -> str:
    return f". Else: {error}" if may_be_an_expression(sql) else ""


def _where(error: SqlglotError) -> str:
    """Where the parser stopped: its own words name classes of Python."""
    found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    return f"it can't be read at {found['highlight']!r}" if found.get("highlight") else "it can't be read"
