"""Cleaning and conversion, each case a row of one Spark call."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.silver.clean import CLEANERS, first_name, last_name
from common.silver.convert import converted
from common.silver.exchange import in_euro, rates


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


CLEANED = {
    "text": [(" a \t b\u00a0c\n", "a b c"), ("  ", None), ("", None), (None, None), ("Straße", "Straße")],
    "id": [(" TX-1 ", "TX-1"), ("a  b", "a b")],
    "name": [("anna  BERG", "anna BERG"), ("ANNA BERG", "Anna Berg"), ("anna berg", "Anna Berg"), ("MacKay", "MacKay")],
    "email": [(" Anna@Example.ORG ", "anna@example.org")],
    "code": [(" ab 1 ", "AB 1")],
    "label": [("Card Present", "card_present"), ("CARD-PRESENT ", "card_present"), ("atm", "atm")],
    "country": [
        ("de", "DE"),
        (" GERMANY", "DE"),
        ("deu", "DE"),
        ("United Kingdom", "GB"),
        ("Bolivia", "BO"),
        ("Bolivia, Plurinational State of", "BO"),
        ("Atlantis", None),
        ("XX", None),
        ("UK", None),
    ],
    "currency": [("eur", "EUR"), (" Usd ", "USD"), ("XXQ", None), ("€", None), ("GBp", None), ("Gbp", "GBP")],
}

CONVERTED = {
    "timestamp": [
        ("2025-01-31T23:59:59Z", at(2025, 1, 31, 23, 59, 59)),
        ("2025-01-31 23:59:59", at(2025, 1, 31, 23, 59, 59)),
        ("2025-01-31T23:59:59.123456789", at(2025, 1, 31, 23, 59, 59, 123456)),
        ("2025-01-31T23:59:59+02:00", at(2025, 1, 31, 21, 59, 59)),
        ("2025-01-31T23:59:59-0530", at(2025, 2, 1, 5, 29, 59)),
        ("2025-01-31T23:59", at(2025, 1, 31, 23, 59)),
        ("2025-01-31", at(2025, 1, 31)),
        ("31/01/2025 23:59:59", at(2025, 1, 31, 23, 59, 59)),
        ("31.01.2025 23:59", at(2025, 1, 31, 23, 59)),
        ("20250131T235959", at(2025, 1, 31, 23, 59, 59)),
        ("20250131T235959Z", at(2025, 1, 31, 23, 59, 59)),
        ("1738367999", at(2025, 1, 31, 23, 59, 59)),
        ("1738367999000", at(2025, 1, 31, 23, 59, 59)),
        ("2025-13-45", None),
        ("2025-02-29", None),
        ("31/01.2025 10:00", None),
        ("2025-01-31T25:00:00", None),
        ("yesterday", None),
        ("12:30", None),
        ("2025", None),
        ("", None),
    ],
    "date": [
        ("2025-01-31", date(2025, 1, 31)),
        ("31/01/2025", date(2025, 1, 31)),
        ("20250131", date(2025, 1, 31)),
        ("2025-01-31T10:00:00", date(2025, 1, 31)),
        ("2025-02-30", None),
        ("soon", None),
    ],
    "decimal(18,2)": [
        ("12.50", Decimal("12.50")),
        ("-3", Decimal("-3.00")),
        ("1e3", Decimal("1000.00")),
        ("0.10000000000000001", Decimal("0.10")),
        ("12.505", None),
        ("1,234.50", None),
        ("1" * 40, None),
        ("NaN", None),
        ("abc", None),
    ],
    "boolean": [("true", True), ("Y", True), ("1", True), ("No", False), ("0", False), ("maybe", None)],
    "double": [("48.137", 48.137), ("north", None)],
    "string": [("x", "x")],
}


@pytest.mark.spark
@pytest.mark.parametrize("kind", CLEANED)
def test_texts_are_cleaned_by_kind(spark: SparkSession, kind: str) -> None:
    frame = spark.createDataFrame([(raw,) for raw, _ in CLEANED[kind]], "raw string")

    rows = frame.select(CLEANERS[kind](F.col("raw"))).collect()

    assert [row[0] for row in rows] == [expected for _, expected in CLEANED[kind]]


@pytest.mark.spark
@pytest.mark.parametrize("type_", CONVERTED)
def test_texts_are_converted_or_become_null(spark: SparkSession, type_: str) -> None:
    cases = CONVERTED[type_]
    frame = spark.createDataFrame([(raw,) for raw, _ in cases], "raw string")
    value = converted(F.col("raw"), type_)

    rows = frame.select(F.unix_micros(value) if type_ == "timestamp" else value).collect()

    expected = [known for _, known in cases]
    if type_ == "timestamp":
        epoch = at(1970, 1, 1)
        expected = [None if t is None else round((t - epoch).total_seconds() * 1_000_000) for t in expected]
    assert [row[0] for row in rows] == expected


@pytest.mark.spark
def test_names_are_split_with_particles_titles_and_commas(spark: SparkSession) -> None:
    cases = [
        ("Dr. Anna Maria van der Berg", "Anna Maria", "van der Berg"),
        ("van der Berg, Anna", "Anna", "van der Berg"),
        ("Anna Berg", "Anna", "Berg"),
        ("Cher", None, "Cher"),
        ("Mrs Ada de la Cruz", "Ada", "de la Cruz"),
        (None, None, None),
    ]
    frame = spark.createDataFrame([(full,) for full, _, _ in cases], "full string")

    rows = frame.select(first_name(F.col("full")), last_name(F.col("full"))).collect()

    assert [tuple(row) for row in rows] == [(first, last) for _, first, last in cases]


@pytest.mark.spark
def test_amounts_in_euro_use_the_rate_of_the_day(spark: SparkSession) -> None:
    usd = dict(rates()["USD"])
    cases = [
        ("EUR", "2025-06-01", Decimal("100.00")),
        ("USD", "2018-05-01", (Decimal(100) / usd["2018-01-01"]).quantize(Decimal("0.01"))),
        ("USD", "2019-01-01", (Decimal(100) / usd["2019-01-01"]).quantize(Decimal("0.01"))),
        ("USD", "1999-01-01", (Decimal(100) / usd["2018-01-01"]).quantize(Decimal("0.01"))),
        ("XAF", "2025-06-01", None),
        (None, "2025-06-01", None),
    ]
    frame = spark.createDataFrame([(c, d) for c, d, _ in cases], "currency string, day string")
    euro = in_euro(F.lit(Decimal("100.00")).cast("decimal(18,2)"), F.col("currency"), F.col("day").cast("date"))

    assert [row[0] for row in frame.select(euro).collect()] == [expected for _, _, expected in cases]
