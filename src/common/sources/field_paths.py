"""Which fields of a record an expression reads: top-level ones, and those within nested values (`payer.id`).

Spark resolves names without regard to case, and its own columns could have a field's name. So the fields of an
expression get names by position before Spark sees it (`with_names`), and no name of a feed can meet another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from common.errors import DeclarationError

Path = tuple[str | int, ...]
"""Where a value is in a record: the top-level field's name, then names and positions (from 0) within it."""

DIALECT = "databricks"


@dataclass(frozen=True)
class Reference:
    """A place in an expression's text, [start, end), that reads the value at `path`."""

    path: Path
    start: int
    end: int


def references(sql: str) -> list[Reference]:
    """Every place where an expression reads a field, in the order of its text.

    Raises:
        DeclarationError: a field is looked into by something else than names and positions.
    """
    found = [(path_of(node), _start_of(node)) for node in _outermost(sqlglot.parse_one(sql, dialect=DIALECT))]
    tokens = sqlglot.tokenize(sql, dialect=DIALECT)
    return [Reference(path, start, _end(sql, tokens, path, start)) for path, start in sorted(found, key=lambda f: f[1])]


def text_of_path(sql: str, path: Path) -> str:
    """A path as the expression spells it, without backticks: `items[0].price`."""
    found = next(reference for reference in references(sql) if reference.path == path)
    return sql[found.start : found.end].replace("`", "")


def with_names(sql: str, names: Mapping[Path, str]) -> str:
    """The expression with these column names in place of the fields; the rest of its text stays as it is written."""
    for reference in reversed(references(sql)):
        sql = f"{sql[: reference.start]}{names[reference.path]}{sql[reference.end :]}"
    return sql


def is_field(tree: exp.Expr) -> bool:
    """Whether a node reads a field."""
    return isinstance(tree, exp.Column | exp.Dot | exp.Bracket)


def path_of(tree: exp.Expr) -> Path:
    """The path of a node that reads a field.

    Raises:
        DeclarationError: it looks into something that is no field, or by something else than names and positions.
    """
    if isinstance(tree, exp.Bracket):
        keys = tree.expressions
        if len(keys) == 1 and isinstance(keys[0], exp.Literal) and is_field(tree.this):
            key = str(keys[0].this)
            if keys[0].is_string:
                return (*path_of(tree.this), key)
            if key.isascii() and key.isdigit():
                return (*path_of(tree.this), int(key))
        if not is_field(tree.this):
            raise _refused(tree, "looks into something that is no field of the record")
        raise _refused(tree, "looks into a list by something else than a position from 0, such as items[0]")
    parts = tree.parts if isinstance(tree, exp.Column) else [tree.args["expression"]]
    if not all(isinstance(part, exp.Identifier) for part in parts):
        raise _refused(tree, "looks into a field by something else than a name or, in brackets, a position")
    names = tuple(part.name for part in parts)
    if isinstance(tree, exp.Column):
        return names
    if not is_field(tree.this):
        raise _refused(tree, "looks into something that is no field of the record")
    return (*path_of(tree.this), *names)


def _outermost(tree: exp.Expr) -> list[exp.Expr]:
    if is_field(tree):
        return [tree]
    return [found for part in tree.iter_expressions() for found in _outermost(part)]


def _start_of(tree: exp.Expr) -> int:
    return min(int(found.meta["start"]) for found in tree.find_all(exp.Identifier))


def _end(sql: str, tokens: list[Token], path: Path, start: int) -> int:
    """Where the text of a path ends that starts there: `.name` has two tokens, `[0]` three."""
    at = next(number for number, token in enumerate(tokens) if token.start == start)
    for _ in path[1:]:
        at += 3 if tokens[at + 1].token_type == TokenType.L_BRACKET else 2
    return int(tokens[at].end) + 1


def _refused(tree: exp.Expr, why: str) -> DeclarationError:
    return DeclarationError(f"{tree.sql(dialect=DIALECT)!r} {why}")
