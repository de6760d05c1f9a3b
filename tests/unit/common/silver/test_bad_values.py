"""Bad values: each is accepted with exactly one value, or quarantined by the named check. Nothing fails on them.

All cases of a table go through one Spark run; each has a test of its own.
"""

import json
from collections.abc import Mapping as Dict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.contracts.silver import CUSTOMER, TERMINAL, TRANSACTIONS
from common.contracts.table import Table
from common.silver.conform import conform
from common.sources.records import MAX_DEPTH
from common.sources.target_map import TargetMap
from common.sources.value_format import USUAL

pytestmark = pytest.mark.spark


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def payload(defaults: Dict[str, str], **tokens: str | None) -> str:
    """A JSON object; a value is given as its JSON text, None leaves the key out."""
    fields = {**defaults, **tokens}
    return "{" + ", ".join(f'"{name}": {token}' for name, token in fields.items() if token is not None) + "}"


PAYMENT = {"transaction_id": '"T1"', "event_time": '"2025-06-01T10:00:00Z"', "amount": "12.50", "currency": '"EUR"'}
PERSON = {"customer_id": '"C1"', "changed_at": '"2025-06-01"', "full_name": '"Anna Berg"', "country": '"DE"'}
SHOP = {"terminal_id": '"T1"', "changed_at": '"2025-06-01"', "merchant_id": '"M1"'}


def text(value: str) -> str:
    return json.dumps(value)


def key(token: str) -> str:
    return payload(PAYMENT, transaction_id=token)


def moment(value: str) -> str:
    return payload(PAYMENT, event_time=text(value))


def amount(token: str) -> str:
    return payload(PAYMENT, amount=token)


def nested(depth: int) -> str:
    """A record of that depth, the record itself counted."""
    return payload(PAYMENT, other='{"k": ' * (depth - 1) + "1" + "}" * (depth - 1))


MEGABYTE = "x" * 1_000_000
TIME, KEY, WELL_FORMED = {"event_time_convertible"}, {"transaction_id_format"}, {"well_formed"}
AMOUNT, IN_RANGE = {"amount_convertible"}, {"event_time_in_range"}

PAYMENTS: dict[str, tuple[str, set[str] | dict[str, Any]]] = {
    "a key that is a number": (key("12"), {"transaction_id": "12"}),
    "a key that is a number with digits to keep": (key("12.50"), {"transaction_id": "12.50"}),
    "a key that is a number with leading zeros as text": (key('"007"'), {"transaction_id": "007"}),
    "a key of leading zeros without quotes": (key("007"), WELL_FORMED),
    "a key that is a large number": (key("9" * 40), {"transaction_id": "9" * 40}),
    "a key that is a number of 5,000 digits": (key("9" * 5000), KEY),
    "a key that is a boolean": (key("true"), {"transaction_id": "true"}),
    "a key that is null": (key("null"), {"transaction_id_required"}),
    "a key that is blank": (key('" \\t "'), {"transaction_id_required"}),
    "a key that is an object": (key('{"id": "T1"}'), KEY),
    "a key that is an array": (key('["T1"]'), KEY),
    "a key with white space around": (key('" T1\\r\\n"'), {"transaction_id": "T1"}),
    "a key with a line separator at its end": (key('"T1\\u2028"'), {"transaction_id": "T1"}),
    "a key with a next line at its end": (key('"T1\\u0085"'), {"transaction_id": "T1"}),
    "a key with a blank within": (key('"T 1"'), KEY),
    "a key with a NUL": (key('"T1\\u0000"'), KEY),
    "a key with a zero-width space": (key('"T\\u200b1"'), KEY),
    "a key with a mark of byte order": (key('"\\ufeffT1"'), KEY),
    "a key with a mark of direction": (key('"\\u202eT1"'), KEY),
    "a key with an emoji": (key('"T\\ud83d\\ude00"'), KEY),
    "a key with a letter that looks Latin, and a blank": (key('"\\u0422 1"'), KEY),
    "a key with letters of other scripts": (key('"caf\\u00e9-\\u0416\\u4e2d\\u0663"'), {"transaction_id": "café-Ж中٣"}),
    "a key of 64 characters": (key(text("a" * 64)), {"transaction_id": "a" * 64}),
    "a key of 65 characters": (key(text("a" * 65)), KEY),
    "a key of a megabyte": (key(text(MEGABYTE)), KEY),
    "half of a surrogate pair": (key('"T\\ud800"'), WELL_FORMED),
    "half of a surrogate pair in a field nobody maps": (payload(PAYMENT, other='["\\uDC00"]'), WELL_FORMED),
    "a key that is there twice": ('{"amount": 1, ' + payload(PAYMENT)[1:], WELL_FORMED),
    "a key that is there twice with one value": ('{"amount": 12.50, ' + payload(PAYMENT)[1:], WELL_FORMED),
    "a nested key that is there twice": (payload(PAYMENT, other='{"k": 1, "k": 2}'), WELL_FORMED),
    "a key in another case is another key": (payload(PAYMENT, AMOUNT="99"), {"amount": Decimal("12.50")}),
    "nesting as deep as is allowed": (nested(MAX_DEPTH), {"transaction_id": "T1"}),
    "nesting one deeper": (nested(MAX_DEPTH + 1), WELL_FORMED),
    "nesting that Python parses but can't write": (nested(985), WELL_FORMED),
    "nesting 1,000 deep": (nested(1_000), WELL_FORMED),
    "nesting 100,000 deep": (nested(100_000), WELL_FORMED),
    "arrays nested 100,000 deep": (payload(PAYMENT, other="[" * 100_000 + "]" * 100_000), WELL_FORMED),
    "many brackets that are text": (payload(PAYMENT, other=text("[" * 1000)), {"transaction_id": "T1"}),
    "many brackets side by side": (payload(PAYMENT, other="[" + "[]," * 1000 + "0]"), {"transaction_id": "T1"}),
    "the year 1": (moment("0001-01-01T00:00:00Z"), IN_RANGE),
    "the year 9999": (moment("9999-12-31T23:59:59Z"), IN_RANGE),
    "the year 0": (moment("0000-01-01T00:00:00Z"), IN_RANGE | TIME),
    "a year of six digits": (moment("294247-01-10T04:00:00Z"), TIME),
    "a year before Christ": (moment("-0001-01-01T00:00:00Z"), TIME),
    "an hour that a change to summer time leaves out": (
        moment("2025-03-30T02:30:00"),
        {"event_time": at(2025, 3, 30, 2, 30)},
    ),
    "before the change to summer time": (
        moment("2025-03-30T01:59:59+01:00"),
        {"event_time": at(2025, 3, 30, 0, 59, 59)},
    ),
    "the first hour of summer time": (moment("2025-03-30T03:00:00+02:00"), {"event_time": at(2025, 3, 30, 1)}),
    "the first of two equal hours": (moment("2024-10-27T02:30:00+02:00"), {"event_time": at(2024, 10, 27, 0, 30)}),
    "the second of two equal hours": (moment("2024-10-27T02:30:00+01:00"), {"event_time": at(2024, 10, 27, 1, 30)}),
    "another zone and another date": (
        moment("2025-06-01T01:00:00+05:30"),
        {"event_time": at(2025, 5, 31, 19, 30), "event_date": date(2025, 5, 31)},
    ),
    "the zone of Kiribati": (moment("2025-06-01T01:00:00+14:00"), {"event_time": at(2025, 5, 31, 11)}),
    "a zone that isn't": (moment("2025-06-01T01:00:00+19:00"), TIME),
    "a zone by its name": (moment("2025-06-01T01:00:00 Europe/Berlin"), TIME),
    "the 31st of February": (moment("2025-02-31T10:00:00Z"), TIME),
    "the 29th of February of a common year": (moment("2025-02-29"), TIME),
    "the 29th of February of a leap year": (moment("2024-02-29"), {"event_time": at(2024, 2, 29)}),
    "a leap second": (moment("2016-12-31T23:59:60Z"), TIME),
    "24 o'clock": (moment("2025-06-01T24:00:00Z"), TIME),
    "nanoseconds": (moment("2025-06-01T10:00:00.123456789Z"), {"event_time": at(2025, 6, 1, 10, 0, 0, 123456)}),
    "a time of a megabyte": (moment("2025-06-01T10:00:00." + "0" * 1_000_000), TIME),
    "a time with a NUL": (moment("2025-06-01T10:00:00Z\0"), TIME),
    "a time in other digits": (moment("２０２５-06-01T10:00:00Z"), TIME),
    "seconds since 1970": (payload(PAYMENT, event_time="1748772000"), {"event_time": at(2025, 6, 1, 10)}),
    "seconds since 1970 with an exponent": (payload(PAYMENT, event_time="1.748772e9"), TIME),
    "milliseconds of the year 2286": (payload(PAYMENT, event_time="9999999999999"), IN_RANGE),
    "40 digits": (amount("1" * 40), AMOUNT),
    "5,000 digits": (amount("1" * 5000), AMOUNT),
    "a megabyte of digits": (amount("1" * 1_000_000), AMOUNT),
    "a megabyte of digits after the point": (amount("0." + "1" * 1_000_000), AMOUNT),
    "not a number": (amount("NaN"), AMOUNT),
    "not a number as text": (amount('"nan"'), AMOUNT),
    "infinity": (amount("Infinity"), AMOUNT),
    "negative infinity": (amount("-Infinity"), AMOUNT),
    "negative zero": (amount("-0"), {"amount": Decimal("0.00")}),
    "negative zero with digits": (amount('"-0.00"'), {"amount": Decimal("0.00")}),
    "less than zero": (amount("-0.01"), {"amount_not_negative"}),
    "the largest amount": (amount("10000000"), {"amount": Decimal("10000000.00")}),
    "more than the largest amount": (amount("10000000.01"), {"amount_at_most"}),
    "an exponent": (amount("1.25e1"), {"amount": Decimal("12.50")}),
    "a capital exponent with a sign": (amount("1E+3"), {"amount": Decimal("1000.00")}),
    "an exponent of 400": (amount("1e400"), AMOUNT),
    "an exponent that breaks Java's numbers": (amount("1e2147483647"), AMOUNT),
    "an exponent that Java would calculate for hours": (amount("1e-999999999"), AMOUNT),
    "an exponent that no number has": (amount("1e99999999999999999999"), AMOUNT),
    "an amount that is nearly nothing": (amount("1e-11"), AMOUNT),
    "what binary numbers add": (amount("0.30000000000000004"), {"amount": Decimal("0.30")}),
    "half a cent": (amount("12.505"), AMOUNT),
    "more zeros": (amount("12.5000"), {"amount": Decimal("12.50")}),
    "leading zeros of an amount": (amount('"0012.50"'), {"amount": Decimal("12.50")}),
    "a plus": (amount('"+12.50"'), {"amount": Decimal("12.50")}),
    "separators of thousands": (amount('"1,234.50"'), AMOUNT),
    "separators of thousands in German": (amount('"1.234,50"'), AMOUNT),
    "separators of thousands in Swiss": (amount('"1\'234.50"'), AMOUNT),
    "separators of thousands in Python": (amount('"1_234"'), AMOUNT),
    "a blank between thousands": (amount('"1\\u202f234"'), AMOUNT),
    "a comma for the point": (amount('"12,50"'), AMOUNT),
    "a currency within": (amount('"12.50 EUR"'), AMOUNT),
    "a suffix of Java": (amount('"12.5d"'), AMOUNT),
    "hexadecimal digits": (amount('"0x1F"'), AMOUNT),
    "full-width digits": (amount('"１２"'), AMOUNT),
    "an amount with a NUL": (amount('"12.50\\u0000"'), AMOUNT),
    "an amount that is a boolean": (amount("true"), AMOUNT),
    "an amount that is an array": (amount("[12.50]"), AMOUNT),
    "a currency with a long s": (payload(PAYMENT, currency='"u\\u017fd"'), {"currency_convertible"}),
    "no object": ('["T1"]', WELL_FORMED),
    "two objects": (payload(PAYMENT) + payload(PAYMENT), WELL_FORMED),
    "a mark of byte order before the record": ("\ufeff" + payload(PAYMENT), WELL_FORMED),
    "nothing": ("", WELL_FORMED),
}


def name(value: str) -> str:
    return payload(PERSON, full_name=text(value))


PEOPLE: dict[str, tuple[str, set[str] | dict[str, Any]]] = {
    "text with a NUL stays": (name("An\0na Berg"), {"full_name": "An\0na Berg"}),
    "text with an emoji stays": (name("Anna 😀 Berg"), {"full_name": "Anna 😀 Berg"}),
    "text with marks of direction stays": (name("\u202eAnna\u202c Berg"), {"full_name": "\u202eAnna\u202c Berg"}),
    "text with zero-width characters stays": (name("An\u200dna Berg"), {"full_name": "An\u200dna Berg"}),
    "text with combining marks stays": (name("Rene\u0301 Berg"), {"full_name": "Rene\u0301 Berg"}),
    "a megabyte of text stays": (name("Anna " + MEGABYTE), {"full_name": "Anna " + MEGABYTE, "last_name": MEGABYTE}),
    "line ends become blanks": (name("Anna\r\nBerg\u2029"), {"full_name": "Anna Berg"}),
    "100,000 titles": (name("dr " * 100_000 + "Anna Berg"), {"full_name": "dr " * 100_000 + "Anna Berg"}),
    "100,000 particles": (name("Anna " + "van " * 100_000 + "Berg"), {"first_name": "Anna" + " van" * 99_992}),
    "a name that is a number": (payload(PERSON, full_name="12.50"), {"full_name": "12.50"}),
    "a name that is an object": (payload(PERSON, full_name='{"a": 1}'), {"full_name": '{"a": "1"}'}),
    "an address of mail that takes hours to match": (
        payload(PERSON, email=text("a@" + "." * 1_000_000 + " x")),
        {"email_convertible"},
    ),
    "a birthday on the 30th of February": (payload(PERSON, birth_date='"2000-02-30"'), {"birth_date_convertible"}),
    "a birthday in the year 1": (payload(PERSON, birth_date='"0001-01-01"'), {"birth_date_in_range"}),
    "a birthday in the year 9999": (payload(PERSON, birth_date='"9999-12-31"'), {"birth_date_in_range"}),
}


def latitude(token: str) -> str:
    return payload(SHOP, latitude=token)


TERMINALS: dict[str, tuple[str, set[str] | dict[str, Any]]] = {
    "a latitude": (latitude("-12.5e0"), {"latitude": -12.5}),
    "a latitude of negative zero": (latitude("-0.0"), {"latitude": 0.0}),
    "a latitude that is not a number": (latitude("NaN"), {"latitude_convertible"}),
    "a latitude that is infinite": (latitude("-Infinity"), {"latitude_convertible"}),
    "a latitude that is too large for a double": (latitude("1e400"), {"latitude_convertible"}),
    "a latitude with a suffix of Java": (latitude('"12.5f"'), {"latitude_convertible"}),
    "a latitude in hexadecimal digits": (latitude('"0x1p3"'), {"latitude_convertible"}),
    "a latitude beyond the pole": (latitude("90.01"), {"latitude_in_range"}),
}

Result = tuple[dict[str, Any], set[str]]


def _conformed(spark: SparkSession, table: Table, mapped: str, cases: Dict[str, tuple[str, Any]]) -> dict[str, Result]:
    records = spark.createDataFrame(
        [(name, payload, None, "bad", name, None) for name, (payload, _) in cases.items()],
        "record_id string, payload string, read_error string, source string, source_ref string, ingest_date date",
    )
    mapping = TargetMap(map={column: column for column in mapped.split()})
    judged = conform(records, mapping, table, USUAL)
    # Python has no year 0; a quarantined row's values are of no use anyway.
    kept = {
        name: F.when(F.size("failed_checks") == 0, F.col(name)) for name in judged.columns if name in table.column_names
    }
    rows = judged.withColumns(kept).toArrow().to_pylist()
    return {row["bronze"]["record_id"]: (row, {check["name"] for check in row["failed_checks"]}) for row in rows}


@pytest.fixture(scope="module")
def payments(spark: SparkSession) -> dict[str, Result]:
    return _conformed(spark, TRANSACTIONS, "transaction_id event_time amount currency", PAYMENTS)


@pytest.fixture(scope="module")
def people(spark: SparkSession) -> dict[str, Result]:
    columns = "customer_id changed_at full_name country email birth_date"
    return _conformed(spark, CUSTOMER.changes, columns, PEOPLE)


@pytest.fixture(scope="module")
def terminals(spark: SparkSession) -> dict[str, Result]:
    return _conformed(spark, TERMINAL.changes, "terminal_id changed_at merchant_id latitude", TERMINALS)


def _judge(found: Result, expected: set[str] | dict[str, Any]) -> None:
    row, failed = found
    if isinstance(expected, set):
        assert failed
        assert failed <= expected
        return
    assert failed == set()
    assert {column: row[column] for column in expected} == expected


@pytest.mark.parametrize("case", PAYMENTS)
def test_a_payment_with(case: str, payments: dict[str, Result]) -> None:
    _judge(payments[case], PAYMENTS[case][1])


@pytest.mark.parametrize("case", PEOPLE)
def test_a_customer_where(case: str, people: dict[str, Result]) -> None:
    _judge(people[case], PEOPLE[case][1])


@pytest.mark.parametrize("case", TERMINALS)
def test_a_terminal_with(case: str, terminals: dict[str, Result]) -> None:
    _judge(terminals[case], TERMINALS[case][1])


def test_no_record_was_lost(payments: dict[str, Result]) -> None:
    assert payments.keys() == PAYMENTS.keys()
