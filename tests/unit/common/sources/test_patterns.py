"""Literal patterns, judged without Spark, against what Spark says of them."""

import random

import pytest
from pyspark.sql import SparkSession

from common.sources.patterns import format_error, groups_in, like_error, pattern_error, replacement_error

PIECES = (
    *(
        "a",
        "b",
        "1",
        " ",
        ".",
        "^",
        "$",
        "|",
        "(",
        ")",
        "(",
        ")",
        "(?:",
        "(?=",
        "(?<!",
        "(?>",
        "(?P<n>",
        "(?<n>",
        "(?i)",
    ),
    *("(?x)", "(?#", "[", "]", "[^", "-", "&&", "[ab]", "[^\\d]", "[[", "[]a]", "*", "+", "?", "*?", "++", "{", "}"),
    *("{2}", "{,3}", "{1,2}", "{2,1}", "{2,}", "\\", "\\d", "\\w", "\\b", "\\1", "\\2", "\\0", "\\p{L}", "\\p{X}"),
    *(
        "\\Q",
        "\\E",
        "\\U",
        "\\N",
        "\\x41",
        "\\u0041",
        "\\x",
        "\\h",
        "\\(",
        "\\.",
        "\\-",
        "[\\b]",
        "[\\1]",
        "[a-",
        "z]",
        "#",
    ),
)
FORMATS = (
    "yyyy",
    "yy",
    "MM",
    "M",
    "MMM",
    "dd",
    "d",
    "HH",
    "hh",
    "a",
    "mm",
    "ss",
    "SSS",
    "XXX",
    "z",
    "VV",
    "-",
    "/",
    " ",
    "'T'",
)


def made(pieces: tuple[str, ...], most: int, seed: int, count: int) -> list[str]:
    drawn = random.Random(seed)
    return sorted({"".join(drawn.choices(pieces, k=drawn.randint(1, most))) for _ in range(count)})


@pytest.mark.spark
def test_spark_takes_every_pattern_that_is_accepted(spark: SparkSession) -> None:
    accepted = [pattern for pattern in made(PIECES, 7, 1, 60_000) if pattern_error(pattern) is None]
    assert len(accepted) > 2000
    rows = spark.createDataFrame([(p, groups_in(p)) for p in accepted], "pattern string, groups int")

    # Spark checks the number of a group only where the pattern matches.
    judged = rows.selectExpr("count_if('ab1 b' RLIKE pattern)", "max(regexp_extract('ab1 b', pattern, groups))")

    assert judged.collect()[0][0] > 500


@pytest.mark.spark
def test_spark_takes_every_format_of_times_that_is_accepted(spark: SparkSession) -> None:
    accepted = [layout for layout in made(FORMATS, 6, 1, 500) if format_error(layout) is None]
    assert len(accepted) > 100
    rows = spark.createDataFrame([(layout,) for layout in accepted], "layout string")
    texts = spark.createDataFrame([(text,) for text in ("2025-06-01", "1", "", "12", "x", "01/02/25 3 PM")], "x string")

    read = rows.crossJoin(texts).selectExpr("count(try_to_timestamp(x, layout))", "count(try_to_date(x, layout))")

    assert read.collect()[0][0] > 0


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "unterminated"),
        ("[[]", "class"),
        ("a{", "{n,m}"),
        ("(?P<n>x)", "a group may begin with"),
        ("\\Qa\\E", "\\Q is no escape"),
        ("^(a|b)*$", "a long text ends Spark"),
        ("(?:a.?)+", "a long text ends Spark"),
        ("(a|b){2,}", "a long text ends Spark"),
        ("(a|b){101}", "a long text ends Spark"),
        ("a{99999999999}", "{n,m}"),
    ],
)
def test_a_pattern_is_refused_with_the_reason(pattern: str, why: str) -> None:
    assert why in str(pattern_error(pattern))


@pytest.mark.parametrize(
    "pattern", ["", r"\s+", r"^(\d{2})[/.](\d{2})$", r"[()*+{]+", r"\(x\)*", r"[\p{L}' -]+", "(a|b){0,100}"]
)
def test_usual_patterns_are_accepted(pattern: str) -> None:
    assert pattern_error(pattern) is None


def test_replacements_name_groups_that_are_there() -> None:
    assert replacement_error(r"$1-$0 \$5 \\", 1) is None
    for wrong in ("$2", "$", "a$", "${n}", "$x", "\\", "a\\\\\\"):
        assert replacement_error(wrong, 1), wrong


def test_the_escape_of_like_stands_before_what_it_escapes() -> None:
    assert like_error(r"100\%_\_\\") is None
    for wrong in ("x\\", r"\x", r"\\\\\\"[:5]):
        assert like_error(wrong), wrong
