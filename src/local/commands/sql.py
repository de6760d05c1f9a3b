"""`lakehouse sql`."""

import difflib
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common.errors import LakehouseError
from local.commands.rows import Rows, print_rows
from local.commands.shared import Format, engine, err, examples, out
from local.engine.sessions import fresh_session
from local.workspace import current_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHOWN_ROWS = 100

EPILOG = examples(
    'lakehouse sql "SHOW TABLES IN gold"',
    'lakehouse sql "SELECT decision, count(*) FROM gold.transaction_scores GROUP BY 1"',
    'lakehouse sql --format json "SELECT * FROM ops.batches" | jq ".[0]"',
    "lakehouse sql - < query.sql",
)


class QueryError(LakehouseError):
    """Spark refused a statement."""


def sql(
    statement: Annotated[str, typer.Argument(help="One statement; - or nothing: read from standard input.")] = "-",
    format_: Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.")] = Format.TABLE,
    limit: Annotated[
        int | None, typer.Option(min=0, help=f"Rows at most, 0: all. A table shows {SHOWN_ROWS} by default.")
    ] = None,
) -> None:
    """Run one SQL statement on the lakehouse's tables."""
    text = sys.stdin.read() if statement == "-" else statement
    if not text.strip().rstrip(";").strip():
        raise typer.BadParameter("is empty", param_hint="STATEMENT")
    shown = limit if limit is not None else (SHOWN_ROWS if format_ is Format.TABLE else 0)
    rows, is_cut = query(text.strip().rstrip(";"), shown)
    print_rows(rows, format_, out)
    if is_cut:
        err.print(f"the first {shown:,} rows; --limit 0 shows all", style="dim")


def query(statement: str, limit: int = 0) -> tuple[Rows, bool]:
    """The rows of a statement, and whether there are more than the limit (0: none).

    Raises:
        QueryError: Spark refuses the statement; a table that doesn't exist comes with names near to it.

    """
    from pyspark.errors import PySparkException

    with engine(current_workspace()) as remote, fresh_session(remote) as spark:
        try:
            return fetch(spark.sql(statement), limit)
        except PySparkException as error:
            raise QueryError(_explained(error, spark)) from error


def fetch(frame: Any, limit: int) -> tuple[Rows, bool]:
    """The rows of a frame, times as UTC; and whether there are more than the limit."""
    table = (frame.limit(limit + 1) if limit else frame).toArrow()
    columns = [column.to_pylist() for column in table.columns]
    values = list(zip(*columns, strict=True)) if columns else []
    is_cut = bool(limit) and len(values) > limit
    return Rows(table.column_names, values[:limit] if limit else values), is_cut


def _explained(error: Any, spark: "SparkSession") -> str:
    message = str(error).strip()
    # After it come the plan and the JVM's trace, of no use to the person who typed the statement.
    message = re.split(r"\n\n?(?:JVM stacktrace:|'?\w+ \[|== SQL|;)", message, maxsplit=1)[0].strip().rstrip(";")
    if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
        return message
    name = (error.getMessageParameters() or {}).get("relationName", "").replace("`", "")
    close = near_tables(name, spark)
    hint = f"did you mean {' or '.join(close)}?" if close else "'lakehouse sql \"SHOW SCHEMAS\"' shows what there is"
    return f"there is no table {name}; {hint}"


def near_tables(name: str, spark: "SparkSession") -> list[str]:
    """Existing tables whose names, with or without the schema, come near to a name."""
    known = [
        f"{schema.namespace}.{table.tableName}"
        for schema in spark.sql("SHOW SCHEMAS").collect()
        for table in spark.sql(f"SHOW TABLES IN `{schema.namespace}`").collect()
    ]
    wanted = ".".join(name.split(".")[-2:]).lower()
    short = wanted.split(".")[-1]

    def likeness(table: str) -> float:
        whole = difflib.SequenceMatcher(None, wanted, table).ratio()
        return max(whole, difflib.SequenceMatcher(None, short, table.rsplit(".", maxsplit=1)[-1]).ratio())

    near = sorted(known, key=likeness, reverse=True)
    return [table for table in near if likeness(table) >= 0.6][:3]
