"""`lakehouse sql`."""

import re
import sys
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common.errors import FeedError, QueryError, with_words
from common.settings import Settings, settings_from
from local.commands import shared
from local.commands.rows import Rows, print_rows
from local.commands.shared import Format, err, examples, out, tell
from local.engine.sessions import fresh_session
from local.workspace import current_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from common.queries.duck import Duck

SHOWN_ROWS = 100
_ALL_TABLES = re.compile(r"SHOW\s+TABLES", re.IGNORECASE)
"""Spark would list those of its own schema `default`, which has none."""

EPILOG = examples(
    'lakehouse sql "SELECT decision, count(*) FROM gold.transaction_scores GROUP BY 1"',
    'lakehouse sql --format json "SELECT * FROM ops.batches" | jq ".[0]"',
    "lakehouse sql                          a prompt, with completion and a history",
    "lakehouse sql < query.sql",
    'lakehouse sql --engine spark "DESCRIBE HISTORY silver.transactions"',
)


class Engine(StrEnum):
    """What answers."""

    SPARK = "spark"
    DUCKDB = "duckdb"


def sql(
    statement: Annotated[
        str, typer.Argument(help="One statement; - reads it from standard input, nothing opens a prompt.")
    ] = "-",
    format_: Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.")] = Format.TABLE,
    limit: Annotated[
        int | None, typer.Option(min=0, help=f"Rows at most, 0: all. A table shows {SHOWN_ROWS} by default.")
    ] = None,
    engine: Annotated[
        Engine | None,
        typer.Option(help="What answers. By default DuckDB, and Spark where that can't; Spark may change tables."),
    ] = None,
) -> None:
    """Ask the lakehouse's tables, in Spark's SQL.

    DuckDB answers in a second. What it can't answer as Spark would is left to Spark, and one line says why. Tables are
    only read, unless --engine spark is given. Without a statement, a terminal shows a prompt.
    """
    shown = limit if limit is not None else (SHOWN_ROWS if format_ is Format.TABLE else 0)
    if statement == "-" and sys.stdin.isatty():
        _prompt(format_, shown, engine)
        return
    text = _one(sys.stdin.read() if statement == "-" else statement)
    if not text:
        raise typer.BadParameter("is empty", param_hint="STATEMENT")
    _show(answer(text, shown, engine), format_, shown)


def _one(text: str) -> str:
    """A statement without the sign that ends it."""
    return text.strip().rstrip(";").strip()


def _show(rows: tuple[Rows, bool], format_: Format, shown: int) -> None:
    print_rows(rows[0], format_, out)
    if rows[1]:
        err.print(f"the first {shown:,} rows; --limit 0 shows all", style="dim")


def _prompt(format_: Format, shown: int, by: Engine | None) -> None:
    """Answers what is typed; DuckDB stays open, so that a query takes milliseconds."""
    from local.commands.sql_prompt import prompt

    settings = settings_from()
    duck = None
    if by is not Engine.SPARK:
        try:
            duck = opened_duck()
        except FeedError as error:
            if by is Engine.DUCKDB:
                raise
            tell(f"asking Spark: {error}")
            by = Engine.SPARK
    prompt(settings, lambda text: _show(answer(_one(text), shown, by, duck), format_, shown))


def answer(statement: str, limit: int = 0, by: Engine | None = None, duck: "Duck | None" = None) -> tuple[Rows, bool]:
    """The rows of a statement, and whether there are more than the limit (0: none).

    Raises:
        QueryError: the statement is refused; a table or column that doesn't exist comes with names near to it.
        FeedError: DuckDB is wanted, isn't there and can't be fetched.

    """
    if by is Engine.SPARK:
        return query(statement, limit)
    from common.queries.statements import NotAnswered, NotRead

    if by is None and _ALL_TABLES.fullmatch(statement):
        shown = tables_there(settings_from())
        return _cut(list(shown.columns), [tuple(row) for row in shown.values], limit)
    try:
        opened = duck or opened_duck()
        question = opened.question(statement)
        if question.doubts and by is None:
            raise NotAnswered(f"DuckDB may answer this otherwise: {'; '.join(question.doubts)}")
        if question.doubts:
            tell(f"Spark may answer this otherwise: {'; '.join(question.doubts)}")
        return _cut(*opened.values(question, limit + 1 if limit else 0), limit)
    except NotRead as error:
        raise with_words(error, "--engine spark runs it") from error
    except (NotAnswered, FeedError) as error:
        if by is Engine.DUCKDB:
            raise with_words(error, "--engine spark may answer it") from error
        tell(f"asking Spark: {error}")
        return query(statement, limit)


def tables_there(settings: Settings) -> Rows:
    """The tables and views that the workspace has, with what is in them."""
    from common.contracts.registry import all_tables, all_views
    from common.queries.tables import stored

    comments = {table.name: table.comment for table in all_tables()}
    comments |= {view.name: view.comment for view in all_views()}
    return Rows(("table", "what it has"), [(name, comments.get(name, "")) for name in stored(settings)])


def opened_duck() -> "Duck":
    """DuckDB on the workspace's tables; fetched, where it isn't there yet.

    Raises:
        FeedError: it can't be fetched.

    """
    from common.queries.duck import Duck

    if find_spec("duckdb") is None:
        tell("fetching DuckDB, once")
    return Duck(settings_from())


def query(statement: str, limit: int = 0) -> tuple[Rows, bool]:
    """The rows of a statement as Spark answers it, and whether there are more than the limit (0: none).

    Raises:
        QueryError: Spark refuses the statement; a table that doesn't exist comes with names near to it.

    """
    from pyspark.errors import PySparkException

    with shared.engine(current_workspace()) as remote, fresh_session(remote) as spark:
        try:
            return fetch(spark.sql(statement), limit)
        except PySparkException as error:
            raise QueryError(_explained(error, spark)) from error


def fetch(frame: Any, limit: int) -> tuple[Rows, bool]:
    """The rows of a frame, times as UTC; and whether there are more than the limit."""
    table = (frame.limit(limit + 1) if limit else frame).toArrow()
    columns = [column.to_pylist() for column in table.columns]
    return _cut(table.column_names, list(zip(*columns, strict=True)) if columns else [], limit)


def _cut(names: list[str], values: list[tuple[Any, ...]], limit: int) -> tuple[Rows, bool]:
    is_cut = bool(limit) and len(values) > limit
    return Rows(names, values[:limit] if limit else values), is_cut


def _explained(error: Any, spark: "SparkSession") -> str:
    message = str(error).strip()
    # After it come the plan and the JVM's trace, of no use to the person who typed the statement.
    message = re.split(r"\n\n?(?:JVM stacktrace:|'?\w+ \[|== SQL|;)", message, maxsplit=1)[0].strip().rstrip(";")
    if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
        return message
    from common.queries.tables import near

    name = (error.getMessageParameters() or {}).get("relationName", "").replace("`", "")
    close = near(name, _all_tables(spark))
    hint = f"did you mean {' or '.join(close)}?" if close else "'lakehouse sql \"SHOW SCHEMAS\"' shows what there is"
    return f"there is no table {name}; {hint}"


def _all_tables(spark: "SparkSession") -> list[str]:
    return [
        f"{schema.namespace}.{table.tableName}"
        for schema in spark.sql("SHOW SCHEMAS").collect()
        for table in spark.sql(f"SHOW TABLES IN `{schema.namespace}`").collect()
    ]
