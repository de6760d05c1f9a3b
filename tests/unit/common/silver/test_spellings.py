"""Names and values as feeds spell them, through `conform`: against Python's decimal, datetime and zoneinfo."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.contracts.silver import CUSTOMER, TRANSACTIONS
from common.contracts.table import Table
from common.silver.conform import conform
from common.sources.target_map import TargetMap
from common.sources.value_format import USUAL, ValueFormat

pytestmark = pytest.mark.spark

Record = dict[str, Any]
MAP = {"transaction_id": "id", "event_time": "ts", "amount": "amount"}
FINE: Record = {"id": "T1", "ts": "2025-06-01T10:00:00Z", "amount": "12.50"}


def rows_of(
    spark: SparkSession,
    records: Sequence[Record],
    mapping: dict[str, str] | None = None,
    values: ValueFormat = USUAL,
    table: Table = TRANSACTIONS,
    *,
    where: str | None = None,
) -> list[dict[str, Any]]:
    """Each record as a row of the target, in order; `failed` has the names of the checks that it fails."""
    received = [
        (f"{number:06}", json.dumps(record, ensure_ascii=False), None, "acme", f"/land/a#b.jsonl#{number + 1}", None)
        for number, record in enumerate(records)
    ]
    bronze = spark.createDataFrame(
        received,
        "record_id string, payload string, read_error string, source string, source_ref string, ingest_date date",
    )
    judged = conform(bronze, TargetMap(map=mapping or MAP, where=where), table, values)
    kept = [name for name in judged.columns if name not in ("bronze", "event_time")]
    times = [F.unix_micros("event_time").alias("micros")] if table is TRANSACTIONS else []
    rows = judged.select(*kept, *times, F.col("bronze.record_id").alias("record_id")).toArrow().to_pylist()
    return [
        row | {"failed": {check["name"] for check in row["failed_checks"]}}
        for row in sorted(rows, key=lambda row: row["record_id"])
    ]


def micros(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_fields_that_differ_by_case_are_each_their_own(spark: SparkSession) -> None:
    mapping = MAP | {"customer_id": "coalesce(cust, Cust, CUST)"}
    twins: list[Record] = [{"cust": "a", "Cust": "b"}, {"Cust": "b", "CUST": "c"}, {"CUST": "c"}, {}, {"cUST": "d"}]

    rows = rows_of(spark, [FINE | twin for twin in twins], mapping)

    assert [row["customer_id"] for row in rows] == ["a", "b", "c", None, None]
    assert [row["unmapped_fields"] for row in rows] == [None, None, None, None, ["cUST"]]


NAMES = [
    *("bronze", "unmapped_fields", "_parse_error", "selected", "_raw_amount", "_text_amount", "_field_0"),
    *("failed_checks", "event_time", "transaction_id", "金额", "we`ird", "a.b", "2nd", "order", "a b", "[x]", "it's"),
    *("`", "\\", "--", "a\nb", "{{x}}", "'"),
]


def test_fields_may_have_any_name(spark: SparkSession) -> None:
    quoted = ["`" + name.replace("`", "``") + "`" for name in NAMES]
    mapping = MAP | {"customer_id": f"concat_ws('.', {', '.join(quoted)})"}
    record = FINE | {name: f"v{number}" for number, name in enumerate(NAMES)}

    (row,) = rows_of(spark, [record], mapping, where=f"{quoted[3]} = 'v3'")

    assert row["customer_id"] == ".".join(f"v{number}" for number in range(len(NAMES)))
    assert row["selected"]
    assert row["unmapped_fields"] is None


def test_nested_fields_keep_their_digits_and_missing_parents_are_null(spark: SparkSession) -> None:
    mapping = MAP | {"amount": "items[0].price", "customer_id": "payer.id", "merchant_id": "`a b`.c"}
    nested: list[Record] = [
        {"items": [{"price": Decimal("12.50")}], "payer": {"id": 7}, "a b": {"c": "M1"}},
        {"items": [], "payer": {"id": "C1"}},
        {"items": [{"price": "1.00"}], "payer": "text"},
    ]
    records = [json.loads(json.dumps(FINE | record, default=float)) for record in nested]

    rows = rows_of(spark, records, mapping)

    assert [row["amount"] for row in rows] == [Decimal("12.50"), None, Decimal("1.00")]
    assert [row["customer_id"] for row in rows] == ["7", "C1", None]
    assert [row["merchant_id"] for row in rows] == ["M1", None, None]
    assert [row["unmapped_fields"] for row in rows] == [["amount"]] * 3


def test_amounts_are_read_as_the_feed_spells_them(spark: SparkSession) -> None:
    german = ValueFormat(decimal=",", thousands=".")
    cases = {"1.234,50": "1234.50", "12,5": "12.50", "1234,50": "1234.50", "7": "7.00", "12.50": None, "1.23": None}

    rows = rows_of(spark, [FINE | {"amount": text} for text in cases], values=german)

    assert [row["amount"] for row in rows] == [None if v is None else Decimal(v) for v in cases.values()]
    assert [row["failed"] for row in rows[-2:]] == [{"amount_convertible"}] * 2
    swiss = rows_of(spark, [FINE | {"amount": "1'234.50"}, FINE | {"amount": "1\u2019234.50"}], values=_thousands("'"))
    blank = rows_of(spark, [FINE | {"amount": "1\u202f234.50"}, FINE | {"amount": "1 234.50"}], values=_thousands(" "))
    assert [row["amount"] for row in [*swiss, *blank]] == [Decimal("1234.50")] * 4


def _thousands(sign: Any) -> ValueFormat:
    return ValueFormat(thousands=sign)


def _wall_clocks() -> list[datetime]:
    start = datetime(2024, 10, 26, 22)
    autumn = [start + timedelta(minutes=30 * step) for step in range(20)]
    spring = [datetime(2025, 3, 29, 22) + timedelta(minutes=30 * step) for step in range(20)]
    return [*autumn, *spring, datetime(2025, 6, 1, 10), datetime(2025, 12, 24, 23, 59, 59)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_times_without_an_offset_are_those_of_the_feeds_zone(spark: SparkSession, zone: str) -> None:
    values = ValueFormat(timezone=zone)
    clocks = _wall_clocks()
    texts = [f"{clock:%Y-%m-%d %H:%M:%S}" for clock in clocks]
    expected = [micros(clock.replace(tzinfo=ZoneInfo(zone))) for clock in clocks]
    layout = {"event_time": "try_to_timestamp(ts, 'yyyy-MM-dd HH:mm:ss')"}

    records = [FINE | {"ts": text} for text in texts]
    assert [row["micros"] for row in rows_of(spark, records, values=values)] == expected
    for sql in ("try_to_timestamp(ts)", "try_cast(ts AS TIMESTAMP)", "add_days(try_to_timestamp(ts), 0)"):
        assert [row["micros"] for row in rows_of(spark, records, MAP | {"event_time": sql}, values)] == expected, sql
    assert [row["micros"] for row in rows_of(spark, records, MAP | layout, values)] == expected


def test_an_offset_in_the_text_wins_over_the_feeds_zone(spark: SparkSession) -> None:
    values = ValueFormat(timezone="Europe/Berlin")
    local = datetime(2025, 6, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    cases = {
        "2025-06-01T10:00:00Z": datetime(2025, 6, 1, 10, tzinfo=UTC),
        "2025-06-01 10:00:00.5 UTC": datetime(2025, 6, 1, 10, 0, 0, 500_000, tzinfo=UTC),
        "2025-06-01T10:00:00+05:30": datetime(2025, 6, 1, 4, 30, tzinfo=UTC),
        "1748772000": datetime(2025, 6, 1, 10, tzinfo=UTC),
        "2025-06-01": local,
        "01.06.2025": local,
        "01/06/2025 10:00": local.replace(hour=10),
        "20250601T100000": local.replace(hour=10),
        "20250601T100000Z": datetime(2025, 6, 1, 10, tzinfo=UTC),
        "2025-06-01T10:00:00.1234": local.replace(hour=10, microsecond=123_400),
    }

    rows = rows_of(spark, [FINE | {"ts": text} for text in cases], values=values)
    by_function = rows_of(
        spark, [FINE | {"ts": text} for text in cases], MAP | {"event_time": "try_to_timestamp(ts)"}, values
    )

    assert {text: row["micros"] for text, row in zip(cases, rows, strict=True)} == {
        text: micros(time) for text, time in cases.items()
    }
    read = [row["micros"] for row in by_function if row["micros"] is not None]
    assert read == [micros(time) for text, time in cases.items() if text.startswith("2025-")]


def test_a_date_is_the_one_that_is_written_in_every_zone(spark: SparkSession) -> None:
    mapping = {"customer_id": "'C1'", "changed_at": "'2025-06-01'", "full_name": "'A B'", "country": "'DE'"}
    values = ValueFormat(timezone="Europe/Berlin")
    record = {"born": "1980-05-01T00:00:00", "written": "01.05.1980"}
    for sql in ("born", "written", "try_to_timestamp(born)", "try_to_date(written, 'dd.MM.yyyy')"):
        (row,) = rows_of(spark, [record], mapping | {"birth_date": sql}, values, CUSTOMER.changes)
        assert row["birth_date"].isoformat() == "1980-05-01", sql


@pytest.mark.parametrize(
    ("epoch", "unit"), [("seconds", 10**6), ("milliseconds", 10**3), ("microseconds", 1), ("nanoseconds", None)]
)
def test_times_since_1970_in_the_declared_unit(spark: SparkSession, epoch: Any, unit: int | None) -> None:
    moments = [0, 1, -1, 631_152_000_000_000, 946_684_799_999_999, 1_748_772_000_123_456, -86_400_000_000]
    texts = [str(moment * 1000 if unit is None else moment // unit) for moment in moments]
    expected = [moment if unit is None else moment // unit * unit for moment in moments]

    rows = rows_of(spark, [FINE | {"ts": text} for text in [*texts, "9" * 20, "x"]], values=ValueFormat(epoch=epoch))

    assert [row["micros"] for row in rows] == [*expected, None, None]


def test_fractions_of_the_declared_unit_are_kept_to_the_microsecond(spark: SparkSession) -> None:
    texts = ["1748772000.123456789", "-0.0000001", "1748772000."]

    rows = rows_of(spark, [FINE | {"ts": text} for text in texts], values=ValueFormat(epoch="seconds"))

    assert [row["micros"] for row in rows] == [1_748_772_000_123_456, -1, 1_748_772_000_000_000]


def test_without_a_declared_unit_the_number_of_digits_decides(spark: SparkSession) -> None:
    cases = {
        "1748772000": 1_748_772_000_000_000,
        "1748772000123": 1_748_772_000_123_000,
        "1748772000123456": 1_748_772_000_123_456,
        "1748772000123456789": 1_748_772_000_123_456,
        "9" * 19: 9_999_999_999_999_999,
        "946684799": None,
        "-1748772000": None,
        "17487720001": None,
    }

    rows = rows_of(spark, [FINE | {"ts": text} for text in cases])

    assert [row["micros"] for row in rows] == list(cases.values())


def test_dates_are_read_in_the_declared_order(spark: SparkSession) -> None:
    texts = ["03/04/2025 10:00", "3/4/2025", "3.4.2025 9:05:07", "12/31/2025", "31/12/2025"]
    orders: dict[Any, list[datetime | None]] = {
        "month_first": [
            datetime(2025, 3, 4, 10),
            datetime(2025, 3, 4),
            datetime(2025, 3, 4, 9, 5, 7),
            datetime(2025, 12, 31),
            None,
        ],
        "day_first": [
            datetime(2025, 4, 3, 10),
            datetime(2025, 4, 3),
            datetime(2025, 4, 3, 9, 5, 7),
            None,
            datetime(2025, 12, 31),
        ],
        None: [datetime(2025, 4, 3, 10), None, None, None, datetime(2025, 12, 31)],
    }
    for order, times in orders.items():
        rows = rows_of(spark, [FINE | {"ts": text} for text in texts], values=ValueFormat(date_order=order))
        assert [row["micros"] for row in rows] == [t and micros(t.replace(tzinfo=UTC)) for t in times], order


OFFSETS = ["0", "1", "743", "-5", "1e+05", "0.5", " 12 ", "", "x", None, "9" * 30, "1e300", "1,000"]


@pytest.mark.parametrize(("name", "unit"), [("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86_400)])
def test_a_base_date_plus_an_offset(spark: SparkSession, name: str, unit: int) -> None:
    base = datetime(2024, 1, 1, tzinfo=UTC)
    mapping = MAP | {"event_time": f"add_{name}('2024-01-01', step)"}

    rows = rows_of(spark, [FINE | {"step": offset} for offset in OFFSETS], mapping)

    expected = [
        micros(base) + int(Decimal(offset.strip()) * unit * 1_000_000) if offset else None for offset in OFFSETS[:7]
    ]
    assert [row["micros"] for row in rows] == [*expected, *[None] * 6]


def test_a_base_date_is_of_the_feeds_zone_and_follows_a_field(spark: SparkSession) -> None:
    values = ValueFormat(timezone="Europe/Berlin", decimal=",")
    records = [FINE | {"ts": "2024-07-01 00:00:00", "step": "1,5"}]
    winter, summer = datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 6, 30, 22, tzinfo=UTC)

    (literal,) = rows_of(
        spark, records, MAP | {"event_time": "add_hours('2024-01-01', step)", "amount": "'1,00'"}, values
    )
    field_sql = {"event_time": "add_hours(try_to_timestamp(ts), step)", "amount": "'1,00'"}
    (field,) = rows_of(spark, records, MAP | field_sql, values)

    assert literal["micros"] == micros(winter + timedelta(hours=1.5))
    assert field["micros"] == micros(summer + timedelta(hours=1.5))
    assert literal["amount"] == Decimal("1.00")


def test_minor_units_and_rounding_are_exact(spark: SparkSession) -> None:
    texts = ["0", "1", "12345", "-99", "12.345", "0.005", "-0.005", "2.675", "1e2", "999999999999999", "x", ""]
    mapping = MAP | {"amount": "minor_units(amount, 2)"}
    cents = rows_of(spark, [FINE | {"amount": text} for text in texts], mapping)
    rounded = rows_of(spark, [FINE | {"amount": text} for text in texts], MAP | {"amount": "round(amount, 2)"})
    kept = rows_of(spark, [FINE | {"amount": "12.345"}])
    values = ValueFormat(decimal=",", thousands=".")
    german = rows_of(spark, [FINE | {"amount": "1.234,567"}], MAP | {"amount": "round(amount, 1)"}, values)

    def exact(text: str) -> Decimal | None:
        if text in ("x", ""):
            return None
        value = Decimal(text) / 100
        return value if value == value.quantize(Decimal("0.01")) else None

    cent = Decimal("0.01")
    assert [row["amount"] for row in cents] == [exact(text) for text in texts]
    assert [row["amount"] for row in rounded] == [
        None if text in ("x", "") else Decimal(text).quantize(cent, ROUND_HALF_UP) for text in texts
    ]
    assert kept[0]["failed"] == {"amount_convertible"}
    assert german[0]["amount"] == Decimal("1234.60")


def test_a_records_own_place_makes_ids_for_sources_that_have_none(spark: SparkSession) -> None:
    mapping = MAP | {"transaction_id": "sha2(source_ref(), 256)", "customer_id": "row_number()"}

    first = rows_of(spark, [FINE, FINE], mapping)
    again = rows_of(spark, [FINE, FINE], mapping)

    assert [row["customer_id"] for row in first] == ["1", "2"]
    assert first[0]["transaction_id"] != first[1]["transaction_id"]
    assert [row["failed"] for row in first] == [set(), set()]
    assert [row["transaction_id"] for row in first] == [row["transaction_id"] for row in again]


def test_numbers_with_a_sign_are_ids_and_other_texts_with_one_are_not(spark: SparkSession) -> None:
    cases = {
        "-727612092139916043": True,
        "+7": True,
        "-": False,
        "-a": False,
        "--1": False,
        "-1-2": False,
        "-1.5": False,
    }

    rows = rows_of(spark, [FINE | {"id": text} for text in cases])

    assert [not row["failed"] for row in rows] == list(cases.values())


def test_amounts_below_zero_are_refunds_only_where_that_is_declared(spark: SparkSession) -> None:
    records = [FINE | {"amount": text} for text in ("5.00", "-5.00", "0", "-10000000.01")]

    refused = rows_of(spark, records)
    refunds = rows_of(spark, records, values=ValueFormat(negative_amounts="refunds"))

    assert [row["kind"] for row in refused] == ["purchase"] * 4
    assert "amount_not_negative" in refused[1]["failed"]
    assert [row["kind"] for row in refunds] == ["purchase", "refund", "purchase", "refund"]
    assert [row["failed"] for row in refunds] == [set(), set(), set(), {"amount_at_most"}]
    assert refunds[1]["amount"] == Decimal("-5.00")
    reason = refused[1]["failed_checks"][0]["reason"]
    assert reason.startswith("amount='-5.00'")
    assert "negative_amounts: refunds" in reason
