"""A report's query as Spark runs it: of one version of each table, and in an order that leaves nothing to chance.

The query's own text stays as it is written; only these places of it are replaced.
"""

from collections.abc import Mapping
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from common.contracts.table import Table, View
from common.publish.reports.period import Period
from common.publish.reports.query import DIALECT, PERIOD_END, PERIOD_START, ReportQuery, parsed, relation, tables_of
from common.settings import Settings

_AFTER_ORDER = (TokenType.LIMIT, TokenType.OFFSET, TokenType.WINDOW)
_OPENING, _CLOSING = TokenType.L_PAREN, TokenType.R_PAREN


def pinned(query: ReportQuery, settings: Settings, versions: Mapping[str, int | None], period: Period | None) -> str:
    """The query's SQL over the tables in these versions, for a period. A table without a version isn't there: no rows.

    Rows that its ORDER BY doesn't tell apart are put in order by all columns.
    """
    tokens = sqlglot.tokenize(query.sql, dialect=DIALECT)
    edits = [_table(node, settings, versions) for node in tables_of(parsed(query.sql))]
    edits.append(_whole_order(tokens, len(query.columns)))
    if period is not None:
        edits += _days(tokens, period)
    sql = query.sql
    for start, end, text in sorted(edits, reverse=True):
        sql = f"{sql[:start]}{text}{sql[end:]}"
    return sql


def _table(node: exp.Table, settings: Settings, versions: Mapping[str, int | None]) -> tuple[int, int, str]:
    one = relation(node)
    table = one.of if isinstance(one, View) else one
    version = versions[table.name]
    name = f"{settings.table(table.name)} VERSION AS OF {version}"
    if version is None:
        name = _nothing(table)
    if isinstance(one, View):
        name = f"(SELECT * FROM {name} WHERE {one.condition})"
    alias = "" if node.alias else f" AS {node.name}"
    return node.parts[0].meta["start"], node.parts[-1].meta["end"] + 1, f"{name}{alias}"


def _nothing(table: Table) -> str:
    columns = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in table.columns)
    return f"(SELECT {columns} WHERE false)"


def _whole_order(tokens: list[Token], columns: int) -> tuple[int, int, str]:
    """Where the query's own ORDER BY ends, and what is added there."""
    depth, order, end = 0, 0, len(tokens)
    for at, token in enumerate(tokens):
        depth += (token.token_type == _OPENING) - (token.token_type == _CLOSING)
        if depth == 0 and token.token_type == TokenType.ORDER_BY:
            order, end = at, len(tokens)
        elif depth == 0 and token.token_type in _AFTER_ORDER and end == len(tokens):
            end = at
    assert order, "a checked query has an ORDER BY"
    place = tokens[end - 1].end + 1
    return place, place, "".join(f", {number}" for number in range(1, columns + 1))


def _days(tokens: list[Token], period: Period) -> list[tuple[int, int, str]]:
    days = {PERIOD_START: period.start, PERIOD_END: period.end}
    return [
        (colon.start, name.end + 1, f"DATE'{days[name.text]}'")
        for colon, name in pairwise(tokens)
        if colon.token_type == TokenType.COLON and name.text in days
    ]
