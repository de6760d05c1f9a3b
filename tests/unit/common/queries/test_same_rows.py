"""DuckDB and Spark give the same rows: of every query in the documentation, and of every expression that is let through."""

import math
import random
import re
from collections import Counter
from collections.abc import Iterator
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
TEXTS = ("fraud", "genuine", "", "Ä b", " x_%y ", "10", "T1", "stream", "average_precision", None)
DOUBLES = (0.285, -0.285, 1.005, 2.5, -2.5, 0.0, 1e-9, 123456.789, 1e16, 1 / 3, None)


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


def a_value(kind: T.DataType, chance: random.Random, may_be_null: bool = True) -> Any:  # noqa: PLR0911
    if may_be_null and chance.random() < 0.15:
        return None
    match kind:
        case T.StringType():
            return chance.choice(TEXTS[: None if may_be_null else -1])
        case T.BooleanType():
            return chance.random() < 0.5
        case T.DoubleType() | T.FloatType():
            return chance.choice((*DOUBLES[:-1], chance.random()))
        case T.DecimalType():
            most = 10 ** min(kind.precision, 7)
            return Decimal(chance.randrange(1 - most, most)).scaleb(-kind.scale)
        case T.DateType():
            return date(2025, 1, 1) + timedelta(days=chance.randrange(400))
        case T.TimestampType():
            return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**13))
        case T.ArrayType():
            return [a_value(kind.elementType, chance, False) for _ in range(chance.randrange(4))]
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


@pytest.fixture(scope="module")
def world(lake: Lake) -> Lake:
    """Random rows in gold.kinds, which has a column of each type, and in every table that the documentation asks."""
    asked = {f"{table.db}.{table.name}" for statement in queries() for table in named_tables(parsed(statement))}
    views = [view for view in all_views() if view.name in asked]
    asked |= {view.of.name for view in views}
    for layer in LAYERS:
        lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {lake.settings.schema(layer)}")
    for table in all_tables():
        if table.name in asked:
            filled(lake, table.name, schema_of(table))
    filled(lake, "gold.kinds", TYPES)
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


def test_queries_of_the_documentation_have_the_same_rows(world: Lake, duck: Duck) -> None:
    for statement in queries():
        whole = re.sub(r" LIMIT \d+$", "", statement)  # which rows of equals come first is anybody's choice
        ours, theirs = in_duck(duck, whole), in_spark(world, whole)
        assert list(ours.columns) == list(theirs.columns), statement
        assert printed(ours) == printed(theirs), statement
        assert ours.values, f"no rows are compared by {statement}"


ROWWISE = """
whole + 1, whole - big, -whole, whole * big, whole / 4, whole / (abs(double) + 1), double / 3, double * double, whole % 3
amount + amount, amount - 1, amount * 2, amount * amount, amount * 1.5, amount / (abs(double) + 1), amount + double, -amount
abs(amount), abs(double), abs(whole), round(double), round(double, 1), round(double, 2), round(amount, 1), round(whole)
floor(double), ceil(double), floor(amount), ceil(amount), floor(whole), 2.5 * whole, whole + 0.25
CAST(double AS BIGINT), CAST(amount AS INT), CAST(whole AS STRING), CAST(whole AS DECIMAL(10,2)), CAST(amount AS DOUBLE)
CAST(day AS TIMESTAMP), CAST(time AS DATE), CAST(day AS STRING), CAST(truth AS STRING), CAST(NULL AS DATE)
double > amount, whole = double, amount >= 0.5, day >= '2025-03-01', time < '2025-02-01 12:00:00', time >= day
text = 'fraud', text <=> NULL, text <=> 'fraud'
text IS NULL, text IS NOT NULL, isnull(text), isnotnull(whole), NOT truth, truth AND whole > 1, truth OR double > 0
text LIKE '%r%', text LIKE 'T_', text ILIKE 'FRAUD', text RLIKE '^[a-z ]+', text || '-', concat(text, 'x', text)
lower(text), upper(text), length(text), substring(text, 2, 3), substr(text, 2), startswith(text, 'f')
coalesce(text, 'none'), nvl(whole, 0), coalesce(amount, 0), nullif(text, 'fraud'), greatest(whole, 2), least(day, day)
year(day), month(time), day(day), quarter(day), hour(time), minute(time), date_trunc('week', day), date_trunc('hour', time)
date_trunc('MONTH', time), trunc(day, 'month'), date_add(day, 3), date_sub(day, whole), day + 1, datediff(day, time)
day + INTERVAL 1 DAY, day - INTERVAL 1 MONTH, time + INTERVAL 2 HOURS, time - INTERVAL '1' DAY, date(time), to_date(time)
size(list), array_size(list), array_contains(list, 'fraud'), item.number, t.item.word, item, list, double, time, day
1.50, 1e3, 'x', TRUE, NULL, 12345678901
CASE WHEN whole > 3 THEN 'a' WHEN truth THEN 'b' END, CASE text WHEN 'fraud' THEN 1 ELSE 0.5 END, if(truth, double, whole)
row_number() OVER (PARTITION BY text ORDER BY id), rank() OVER (ORDER BY whole), sum(whole) OVER (PARTITION BY text)
lag(whole) OVER (ORDER BY id), sum(amount) OVER (ORDER BY id), avg(double) OVER (PARTITION BY truth), ntile(3) OVER (ORDER BY id)
sum(whole) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), first_value(text) OVER (ORDER BY id)
text IN ('fraud', 'x'), text NOT IN ('fraud', ''), whole BETWEEN 0 AND 3, TIMESTAMP'2025-01-01 00:00:00', day > DATE'2025-06-01'
DATE'2025-01-31' + INTERVAL 1 MONTH, (SELECT count(*) FROM gold.kinds WHERE whole > t.id)
"""
AGGREGATES = """
count(*), count(text), count(DISTINCT text), sum(whole), sum(amount), sum(double), min(text), max(time), min(day), max(amount)
avg(whole), avg(double), avg(amount), avg(tiny), stddev(double), variance(double), count_if(truth), bool_or(truth), bool_and(truth)
median(double), median(amount), percentile(double, 0.9), sum(whole) / count(*), round(avg(double), 3), sum(amount) + 1
max(double) - min(double), sum(whole) * 2, sum(DISTINCT whole), coalesce(sum(whole), 0), sum(amount * 2)
"""
WHOLE_QUERIES = (
    "SELECT text, avg(amount) AS a, avg(tiny) AS b FROM gold.kinds GROUP BY text HAVING count(*) > 1 ORDER BY text",
    "SELECT truth, text, sum(whole) AS s FROM gold.kinds GROUP BY ROLLUP (truth, text)",
    "SELECT count(*), count(text), count(DISTINCT text), sum(whole), avg(amount), round(avg(double), 3), min(lower(text)), "
    "sum(whole) / count(*), max(double) - min(double), sum(amount * 2), sum(whole) > 3 FROM gold.kinds",
    "SELECT DISTINCT text FROM gold.kinds ORDER BY text DESC",
    "SELECT id, e FROM gold.kinds LATERAL VIEW explode(list) x AS e",
    "SELECT id, explode(list) FROM gold.kinds",
    "WITH a AS (SELECT text, count(*) AS n FROM gold.kinds GROUP BY 1) SELECT k.id, a.n FROM gold.kinds k JOIN a USING (text)",
    "SELECT k.id FROM gold.kinds k LEFT ANTI JOIN gold.kinds o ON o.id = k.whole",
    "SELECT a.id, b.id FROM gold.kinds a FULL OUTER JOIN gold.kinds b ON a.id = b.whole AND b.text <=> a.text",
    "SELECT text FROM gold.kinds UNION SELECT 'more' EXCEPT SELECT 'fraud'",
    "SELECT id, text FROM gold.kinds ORDER BY text NULLS LAST, id DESC LIMIT 7 OFFSET 2",
    "SELECT * EXCEPT (list), Item.Number FROM gold.kinds WHERE NOT EXISTS (SELECT 1 FROM gold.kinds o WHERE o.id = whole)",
    "SELECT ID, iD AS Id, kinds.whole FROM gold.kinds WHERE text NOT IN (SELECT text FROM gold.kinds WHERE text IS NOT NULL)",
    "SELECT time, double AS double FROM gold.kinds WHERE double > 0.5 AND whole / 2 > 1 ORDER BY time",
    "SELECT id FROM gold.kinds WHERE whole IN (SELECT max(whole) FROM gold.kinds) OR text NOT IN (SELECT 'fraud')",
    "FROM gold.kinds SELECT count(*)",
    "SELECT 1, 'a', 1.5 AS b, current_date() > DATE'2020-01-01' AS c",
)  # fmt: skip
TYPES = (
    "id bigint, whole int, big bigint, tiny decimal(5,3), amount decimal(18,2), double double, text string, truth boolean, "
    "day date, time timestamp, list array<string>, item struct<number: int, word: string>"
)


def split(listed: str) -> list[str]:
    """Expressions with commas or lines between; a comma within brackets or quotes is their own."""
    parts, depth, quoted, start = [], 0, False, 0
    text = ", ".join(listed.strip().splitlines())
    for index, letter in enumerate(text):
        quoted ^= letter == "'"
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if letter == "," and not depth and not quoted:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


def values(rows: Rows) -> list[Counter[str]]:
    """Each column's values as they are printed: those of a row by themselves."""
    return [printed(Rows(["row", "value"], list(enumerate(column)))) for column in zip(*rows.values, strict=True)]


@pytest.mark.parametrize(("expressions", "order"), [(ROWWISE, " ORDER BY id"), (AGGREGATES, "")])
def test_expressions_have_the_same_values(world: Lake, duck: Duck, expressions: str, order: str) -> None:
    parts = split(expressions)
    selected = ", ".join(f"{part} AS c{index}" for index, part in enumerate(parts))
    question = f"SELECT {selected} FROM gold.kinds t{order}"

    ours, theirs = values(in_duck(duck, question)), values(in_spark(world, question))

    for part, one, other in zip(parts, ours, theirs, strict=True):
        assert one == other, part


@pytest.mark.parametrize("statement", WHOLE_QUERIES)
def test_queries_have_the_same_rows(world: Lake, duck: Duck, statement: str) -> None:
    ours, theirs = in_duck(duck, statement), in_spark(world, statement)
    assert list(ours.columns) == list(theirs.columns)
    assert printed(ours) == printed(theirs)
