"""Expressions of a map over texts that would end the batch."""

from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.sources.never_failing import never_failing

LATER = "try_to_timestamp(x) + INTERVAL 7 DAYS"
EARLIER = "coalesce(try_to_timestamp(x) - INTERVAL 1 HOUR, NULL)"
EURO = "try_divide(try_cast(x AS DECIMAL(18,2)), 100)"
NESTED = "try_multiply(try_cast(try_cast(x AS DECIMAL(38,10)) AS DECIMAL(18,2)), 2)"

DATE = "coalesce(try_to_date(x), try_to_timestamp('2025-06-01'))"
CAST_DATE = "coalesce(try_cast(x AS DATE), try_to_timestamp('2025-06-01'))"
BY_FORMATS = (
    "try_to_timestamp(x, 'yyyy-MM-dd')",
    "try_to_date(x, 'yyyy-MM-dd')",
    "try_to_timestamp(x, 'MM-yyyy')",
    "try_to_timestamp(x, 'MMyyyy')",
)
YEARS = {
    "2025-06-02": (DATE, BY_FORMATS[0], BY_FORMATS[1]),
    "+12025-06-02": (DATE, BY_FORMATS[0], BY_FORMATS[1]),
    "06-2025": (BY_FORMATS[2], BY_FORMATS[3]),
    "062025": (BY_FORMATS[3],),
    "+294248-01-01": (),
    "-290309-01-01": (),
    "300000-01-01": (),
    "-300000": (),
    "01--300000": (),
    "01-300000": (),
    "01+300000": (),
}
"""Texts, and the expressions that read a time from them."""

TEXTS = ("2025-06-01T10:00:00Z", "294247-01-10T04:00:00", "-290308-12-21T20:00:00", "12.50", " 1e2 ", "1e2147483647")


def test_expressions_without_those_operations_stay_as_they_were_written() -> None:
    for sql in ("trim(x)", "regexp_replace(x, '\\\\s+', '')", "try_cast(`a.b` AS int)", "x = '1' AND y IN ('a')"):
        assert never_failing(sql) == sql


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, list[Any]]:
    rows = spark.createDataFrame([(number, text) for number, text in enumerate(TEXTS)], "n int, x string")
    columns = [F.expr(never_failing(sql)).cast("string").alias(sql) for sql in (LATER, EARLIER, EURO, NESTED)]
    table = rows.select("n", *columns).orderBy("n").toArrow().to_pydict()
    return {sql: table[sql] for sql in (LATER, EARLIER, EURO, NESTED)}


@pytest.mark.spark
def test_times_beyond_the_last_and_before_the_first_are_null(found: dict[str, list[Any]]) -> None:
    assert found[LATER][:2] == ["2025-06-08 10:00:00", None]
    assert found[EARLIER][0] == "2025-06-01 09:00:00"
    assert found[EARLIER][2] is None


@pytest.mark.spark
def test_texts_that_no_decimal_holds_are_null(found: dict[str, list[Any]]) -> None:
    assert [text and text.rstrip("0") for text in found[EURO]] == [None, None, None, "0.125", "1.", None]
    assert [text and text.rstrip("0") for text in found[NESTED]] == [None, None, None, "25.", "200.", None]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (LATER, TEXTS[1]),
        (EURO, TEXTS[5]),
        (DATE, "300000-01-01"),
        (CAST_DATE, "300000-01-01"),
        (BY_FORMATS[0], "+294248-01-01"),
        (BY_FORMATS[2], "01--300000"),
        (BY_FORMATS[3], "01-300000"),
    ],
)
def test_as_written_they_would_fail(spark: SparkSession, sql: str, text: str) -> None:
    with pytest.raises(PySparkException, match="overflow"):
        spark.createDataFrame([(text,)], "x string").select(F.expr(sql)).collect()


@pytest.mark.spark
def test_years_that_no_time_holds_are_null_and_all_others_are_read(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(text,) for text in YEARS], "x string")
    read = [F.expr(never_failing(sql)).cast("string").alias(sql) for sql in (DATE, CAST_DATE, *BY_FORMATS)]

    found = {row["x"]: row for row in rows.select("x", *read).collect()}

    for text, readers in YEARS.items():
        assert [sql for sql in BY_FORMATS if found[text][sql] is not None] == [r for r in readers if r != DATE], text
        for sql in (DATE, CAST_DATE):
            assert (found[text][sql] == "2025-06-01 00:00:00") == (DATE not in readers), text
