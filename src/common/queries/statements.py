"""What a statement is: a query, a look at what there is, or a change."""

import difflib
import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from common.errors import QueryError

DIALECT = "databricks"
"""What SQLGlot calls Spark's SQL in ANSI mode, in which a cast that fails is an error."""

_VERBS = ("SELECT", "WITH", "FROM", "VALUES", "SHOW", "DESCRIBE", "EXPLAIN")
_LOOKS = re.compile(r"(?:SHOW|DESCRIBE|DESC|EXPLAIN)\b", re.IGNORECASE)
_QUERIES = re.compile(r"\(*\s*(?:SELECT|VALUES|WITH|FROM|TABLE)\b", re.IGNORECASE)
_CHANGES = re.compile(
    r"\bINSERT\s+(?:INTO|OVERWRITE)\b|\bDELETE\s+FROM\b|\bMERGE\b.*\bINTO\b|\bUPDATE\b.*\bSET\b",
    re.IGNORECASE | re.DOTALL,
)
"""What may follow WITH or FROM, and is no query."""
_NO_WORDS = re.compile(
    r"""\br(?:'[^']*'|"[^"]*")|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|/\*.*?\*/""",
    re.IGNORECASE | re.DOTALL,
)
"""Texts, names in quotes and comments: what stands in them is no verb."""

# It warns of statements that it keeps as they are.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class NotAnswered(QueryError):
    """DuckDB can't answer what Spark may."""


class NotRead(QueryError):
    """A statement that would change something."""


def parsed(statement: str) -> exp.Query:
    """The tree of a query.

    Raises:
        NotRead: it is no query, and no look at what there is.
        NotAnswered: it is such a look (SHOW, DESCRIBE, EXPLAIN), or is not understood.
        QueryError: it is not one statement, or its first word is a slip of the hand.

    """
    words = _NO_WORDS.sub(_left_out, statement).strip()
    verb = next(iter(words.split(maxsplit=1)), "").upper()
    if _LOOKS.match(words):
        raise NotAnswered(f"{verb} is no query")
    try:
        trees = [tree for tree in sqlglot.parse(statement, read=DIALECT) if tree is not None]
    except SqlglotError as error:
        if not _QUERIES.match(words) or _CHANGES.search(words):
            raise _changing(verb) from error
        reason = re.sub(r"\x1b\[\d*m", "", str(error)).split("\n", maxsplit=1)[0]
        raise NotAnswered(f"the query is not understood: {reason}") from error
    if len(trees) != 1:
        raise QueryError(f"these are {len(trees)} statements: give one")
    if isinstance(trees[0], exp.Values):
        raise NotAnswered("VALUES stands by itself")
    if not isinstance(trees[0], exp.Query):
        raise _changing(verb)
    return trees[0]


def named_tables(query: exp.Query) -> list[exp.Table]:
    """The tables that a query reads, without the names that it defines itself."""
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    return [table for table in query.find_all(exp.Table) if table.db or table.name.lower() not in own]


def _left_out(found: "re.Match[str]") -> str:
    return " " if found[0].startswith(("-", "/")) else " '' "


def _changing(verb: str) -> QueryError:
    if verb not in _VERBS and (meant := difflib.get_close_matches(verb, _VERBS, n=1, cutoff=0.75)):
        return QueryError(f"no statement begins with {verb}; did you mean {meant[0]}?")
    return NotRead(f"tables are only read here, and a statement that begins with {verb} is no query")
