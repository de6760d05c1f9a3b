"""The query of a report, checked when it is read: what it reads, what it gives, and that it gives the same again."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from common.contracts.conventions import ID_COLUMNS
from common.contracts.registry import all_tables, all_views
from common.contracts.table import Table, View
from common.errors import DeclarationError

DIALECT = "spark"
PERIOD_START, PERIOD_END = "period_start", "period_end"
_CHANGING = (
    *(exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.CurrentUser),
    *(exp.Rand, exp.Randn, exp.Uuid, exp.Shuffle),
)
_CHANGING_NAMES = frozenset(
    {
        *("now", "curdate", "localtimestamp", "random", "randstr", "session_user", "user"),
        *("monotonically_increasing_id", "spark_partition_id", "input_file_name", "reflect", "java_method"),
    }
)
"""Functions whose values change from run to run, and those that sqlglot has no class for."""


@dataclass(frozen=True)
class ReportQuery:
    """A checked query of Spark's SQL.

    `tables` are the tables that it reads, by name, those of its views in the views' place. `columns` are the names of
    its columns. `personal` are personal columns that it reads, such as silver.customers.email. `knows_people` is
    whether it reads a column that a person is known by.
    """

    sql: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    personal: tuple[str, ...]
    knows_people: bool


@cache
def _known() -> dict[str, Table | View]:
    tables: tuple[Table, ...] = all_tables()
    return {**{table.name: table for table in tables}, **{view.name: view for view in all_views()}}


@lru_cache(maxsize=256)
def checked_query(sql: str, by_period: bool) -> ReportQuery:
    """Parses and checks a query; `by_period` is whether it is asked for periods.

    Raises:
        DeclarationError: it breaks a rule.
    """
    tree = parsed(sql)
    read = [relation(node) for node in tables_of(tree)]
    columns = _columns(tree)
    if not tree.args.get("order"):
        raise DeclarationError(
            "the query has no ORDER BY at its end, so that its rows could come in another order each time; add one"
        )
    _check_functions(tree)
    _check_placeholders(tree, by_period)
    personal = tuple(dict.fromkeys(_personal(tree)))
    tables = dict.fromkeys((one.of if isinstance(one, View) else one).name for one in read)
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    return ReportQuery(sql, tuple(tables), columns, personal, bool(personal or named.intersection(ID_COLUMNS)))


def parsed(sql: str) -> exp.Query:
    """The query's tree.

    Raises:
        DeclarationError: it is no query.
    """
    try:
        trees = sqlglot.parse(sql, dialect=DIALECT)
    except SqlglotError as error:
        found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
        where = f" at {found['highlight']!r} in line {found['line']}" if found.get("highlight") else ""
        raise DeclarationError(f"the query can't be read as Spark's SQL{where}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation):
        raise DeclarationError("the query must be one SELECT, without a semicolon after it")
    return trees[0]


def tables_of(tree: exp.Query) -> Iterator[exp.Table]:
    """The places where the query reads tables and views; the names of its WITH are none."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        if node.args.get("db") or node.name.lower() not in own:
            yield node


def relation(node: exp.Table) -> Table | View:
    """The table or view of the contracts that is read at a place.

    Raises:
        DeclarationError: it is none, or read in another way than by its name.
    """
    if isinstance(node.this, exp.Identifier):
        name = ".".join(part.name for part in node.parts).lower()
        if name not in _known():
            raise DeclarationError(
                f"the query reads {name}, which no contract declares; write SCHEMA.TABLE, such as gold.merchant_risk "
                "(docs/data-dictionary.md has all)"
            )
        if wrong := [option for option in ("version", "sample", "pivots") if node.args.get(option)]:
            raise DeclarationError(
                f"the query reads {name} with a {wrong[0]}: leave that out; it reads the version of the run"
            )
        return _known()[name]
    raise DeclarationError(
        f"the query reads {node.sql(DIALECT)}; a report reads tables and views of the contracts only"
    )


def _columns(tree: exp.Query) -> tuple[str, ...]:
    names = tuple(select.output_name for select in tree.selects)
    if "*" in names:
        raise DeclarationError("the query selects *, which changes with its tables: name the columns")
    if not all(names):
        raise DeclarationError(f"column {names.index('') + 1} of the query has no name: add AS name")
    if doubled := [name for name in dict.fromkeys(names) if [n.lower() for n in names].count(name.lower()) > 1]:
        raise DeclarationError(f"the query has two columns {doubled[0]!r}: give one another name, by AS")
    return names


def _check_functions(tree: exp.Query) -> None:
    for node in tree.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, _CHANGING) or name in _CHANGING_NAMES:
            raise DeclarationError(
                f"the query calls {node.sql(DIALECT)}, whose value changes from run to run, so that the report would "
                "always be new; use :period_start and :period_end, or times of the tables"
            )
        if isinstance(node, exp.Column) and node.args.get("db"):
            raise DeclarationError(f"the query names {node.sql(DIALECT)}: write {node.table}.{node.name}")


def _check_placeholders(tree: exp.Query, by_period: bool) -> None:
    given = {str(node.this) for node in tree.find_all(exp.Placeholder)}
    if unknown := sorted(given - {PERIOD_START, PERIOD_END}):
        raise DeclarationError(f"the query has the placeholder :{unknown[0]}; there are :period_start and :period_end")
    if by_period and len(given) < 2:
        raise DeclarationError(
            "the query must select its period: add `:period_start <= DAY AND DAY < :period_end`, of a column of days"
        )
    if given and not by_period:
        raise DeclarationError("the query asks for a period, and `period: run` has none: declare day, week or month")


def _personal(tree: exp.Query) -> Iterator[str]:
    """The personal columns that the query reads anywhere: what it selects may come from there by any way."""
    by_column: dict[str, str] = {}
    for node in tables_of(tree):
        for column in _personal_of(node):
            by_column.setdefault(column.rpartition(".")[2], column)
    for found in tree.find_all(exp.Column):
        if found.name.lower() in by_column:
            yield by_column[found.name.lower()]
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            for node in _tables_of_star(tree, star):
                yield from _personal_of(node)


def _tables_of_star(tree: exp.Query, star: exp.Star) -> list[exp.Table]:
    """The tables whose columns a star may stand for: those of its SELECT; of one around it, so all of the query."""
    select = star.find_ancestor(exp.Select)
    given = [] if select is None else [select.args.get("from_"), *(select.args.get("joins") or ())]
    sources = [source.this for source in given if source is not None]
    of = star.parent.table.lower() if isinstance(star.parent, exp.Column) else ""
    if not sources or (of and of not in {source.alias_or_name.lower() for source in sources}):
        return list(tables_of(tree))
    return [source for source in sources if isinstance(source, exp.Table)]


def _personal_of(node: exp.Table) -> list[str]:
    if not node.args.get("db"):
        return []
    one = relation(node)
    table = one.of if isinstance(one, View) else one
    return [f"{table.name}.{column.name}" for column in table.columns if column.personal]
