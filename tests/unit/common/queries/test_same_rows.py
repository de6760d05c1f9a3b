"""DuckDB and Spark give the same rows, of every query in the documentation and of every expression that is let through.

Beside this file are further ones, one a line: expressions over a row of gold.kinds, aggregates of it, and queries.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import types as T

from common.contracts.ddl import schema_of
from common.contracts.registry import LAYERS, all_tables, all_views
from common.errors import QueryError
from common.queries.duck import Duck
from common.queries.statements import NotAnswered, NotRead, named_tables, parsed
from common.settings import repository
from common.storage.creating import ensure_views
from common.storage.lake import Lake
from local.commands.rows import Rows, as_json
from local.commands.sql import EPILOG, Engine, answer, fetch
from local.run import run_record

ROWS = 120
TEXTS = ("fraud", "genuine", "", "Ä b", " x_%y ", "10", "T1", "stream", "average_precision")
DOUBLES = (0.285, -0.285, 1.005, 2.5, -2.5, 0.0, 1e-9, 123456.789, 1e16, 1 / 3)


TYPES = (
    "id bigint, whole int, big bigint, tiny decimal(5,3), amount decimal(18,2), double double, text string, "
    "truth boolean, day date, time timestamp, list array<string>, item struct<number: int, word: string>"
)


def lines_of(file: str) -> list[str]:
    return Path(__file__).with_name(file).read_text().splitlines()


def documented() -> list[str]:
    """Every statement in the fences of README.md and docs/, and in what the command line says."""
    pages = [repository() / "README.md", *sorted((repository() / "docs").glob("*.md"))]
    fences = [fence for page in pages for fence in re.findall(r"```(?:sh|sql)\n.*?```", page.read_text(), re.DOTALL)]
    said = [*fences, EPILOG, Path(run_record.__file__).read_text()]
    quoted = [text for part in said for text in re.findall(r'lakehouse sql [^"\n]*"([^"]+)"', part)]
    bare = [line for fence in fences if fence.startswith("```sql") for line in fence[6:-3].split(";")]
    return [" ".join(statement.split()) for statement in (*quoted, *bare) if statement.strip()]


def queries() -> list[str]:
    """Those that ask the lakehouse's tables."""
    found = []
    for statement in documented():
        try:
            tables = named_tables(parsed(statement))
        except (QueryError, NotAnswered, NotRead):
            continue
        if all(table.db in LAYERS for table in tables):
            found.append(statement)
    return found


def a_value(kind: T.DataType, chance: random.Random) -> Any:  # noqa: PLR0911
    if chance.random() < 0.15:
        return None
    match kind:
        case T.StringType():
            return chance.choice(TEXTS)
        case T.BooleanType():
            return chance.random() < 0.5
        case T.DoubleType() | T.FloatType():
            return chance.choice((*DOUBLES, chance.random()))
        case T.DecimalType():
            most = 10 ** min(kind.precision, 7)
            return Decimal(chance.randrange(1 - most, most)).scaleb(-kind.scale)
        case T.DateType():
            return date(2025, 1, 1) + timedelta(days=chance.randrange(400))
        case T.TimestampType():
            return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**13))
        case T.ArrayType():
            return [a_value(kind.elementType, chance) for _ in range(chance.randrange(4))]
        case T.StructType():
            return tuple(a_value(field.dataType, chance) for field in kind.fields)
        case _:
            return chance.randrange(-3, 9)


def filled(lake: Lake, name: str, columns: str) -> None:
    """A table with these columns and random rows."""
    chance = random.Random(name)
    schema = T._parse_datatype_string(columns)
    rows = [
        tuple(key if field.name == "id" else a_value(field.dataType, chance) for field in schema) for key in range(ROWS)
    ]
    frame = lake.spark.createDataFrame(rows, schema)
    frame.coalesce(1).write.format("delta").saveAsTable(lake.settings.table(name))


def mapped(lake: Lake) -> None:
    """gold.mapped, of which a column was renamed, and rows were deleted by vectors."""
    name = lake.settings.table("gold.mapped")
    properties = "'delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true'"
    lake.spark.sql(f"CREATE TABLE {name} (id bigint, why string) USING delta TBLPROPERTIES ({properties})")
    lake.spark.range(20).selectExpr("id", "concat('r', id % 3) AS why").coalesce(1).write.insertInto(name)
    lake.spark.sql(f"ALTER TABLE {name} RENAME COLUMN why TO reason")
    lake.spark.sql(f"DELETE FROM {name} WHERE id IN (3, 7, 11)")


@pytest.fixture(scope="module")
def world(lake: Lake) -> Lake:
    """Random rows in gold.kinds, which has a column of each type, and in every table that the documentation asks."""
    asked = {f"{table.db}.{table.name}" for statement in queries() for table in named_tables(parsed(statement))}
    views = [view for view in all_views() if view.name in asked]
    asked |= {view.of.name for view in views}
    for layer in LAYERS:
        lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {lake.settings.schema(layer)}")
    wanted = {table.name: schema_of(table) for table in all_tables() if table.name in asked} | {"gold.kinds": TYPES}
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(mapped, lake), *(pool.submit(filled, lake, *table) for table in wanted.items())]
    for table in made:
        table.result()
    ensure_views(lake, *views)
    return lake


@pytest.fixture(scope="module")
def duck(world: Lake) -> Iterator[Duck]:
    """DuckDB on the tables that the test server made."""
    detail = world.spark.sql(f"DESCRIBE DETAIL {world.settings.table('gold.kinds')}").collect()[0]
    made = Duck(replace(world.settings, home=Path(detail.location.removeprefix("file:")).parents[2]))
    yield made
    made.close()


def in_spark(lake: Lake, statement: str) -> Rows:
    there = re.sub(rf"\b({'|'.join(LAYERS)})\.(?=\w)", rf"{lake.settings.schema_prefix}\1.", statement)
    return fetch(lake.spark.sql(there), 0)[0]


def in_duck(duck: Duck, statement: str) -> Rows:
    question = duck.question(statement)
    assert question.doubts == (), statement
    return answer(statement, by=Engine.DUCKDB, duck=duck)[0]


def rounded(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.11g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return {key: rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


def printed(rows: Rows) -> Counter[str]:
    """The rows as they are printed, whatever their order; doubles to 11 digits, as sums depend on it."""
    return Counter(as_json(Rows(rows.columns, [[rounded(value) for value in row]])) for row in rows.values)


def test_there_are_queries_in_the_documentation() -> None:
    assert len(queries()) >= 10
    assert any("explode" in statement for statement in queries())


def values(rows: Rows) -> list[Counter[str]]:
    """Each column's values as they are printed: those of a row by themselves."""
    return [printed(Rows(["row", "value"], list(enumerate(column)))) for column in zip(*rows.values, strict=True)]


def all_in_spark(lake: Lake, statements: list[str]) -> list[Rows]:
    """Side by side: most of a small query's time is waiting."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda statement: in_spark(lake, statement), statements))


@pytest.mark.parametrize(("file", "order"), [("expressions.sql", " ORDER BY id"), ("aggregates.sql", "")])
def test_expressions_have_the_same_values(world: Lake, duck: Duck, file: str, order: str) -> None:
    expressions = lines_of(file)
    selected = ", ".join(f"{expression} AS c{index}" for index, expression in enumerate(expressions))
    question = f"SELECT {selected} FROM gold.kinds t{order}"

    ours, theirs = values(in_duck(duck, question)), values(in_spark(world, question))

    for expression, one, other in zip(expressions, ours, theirs, strict=True):
        assert one == other, expression


def test_queries_have_the_same_rows(world: Lake, duck: Duck) -> None:
    # Which rows of equals come first is anybody's choice.
    documented = [re.sub(r" LIMIT \d+$", "", statement) for statement in queries()]
    statements = [*documented, *lines_of("queries.sql")]

    for statement, theirs in zip(statements, all_in_spark(world, statements), strict=True):
        ours = in_duck(duck, statement)
        assert list(ours.columns) == list(theirs.columns), statement
        assert printed(ours) == printed(theirs), statement
        assert ours.values, f"no rows are compared by {statement}"
