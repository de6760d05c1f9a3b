"""Small worlds of transactions and reports, as Python rows and as Spark frames."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pyarrow as pa
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
TRANSACTIONS_DDL = (
    "transaction_id string, event_time timestamp, event_date date, customer_id string, account_id string, "
    "merchant_id string, terminal_id string, amount_eur decimal(18,2), country string, channel string"
)
TRANSACTIONS_ARROW = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("event_time", pa.timestamp("us", "UTC")),
        ("event_date", pa.date32()),
        ("customer_id", pa.string()),
        ("account_id", pa.string()),
        ("merchant_id", pa.string()),
        ("terminal_id", pa.string()),
        ("amount_eur", pa.decimal128(18, 2)),
        ("country", pa.string()),
        ("channel", pa.string()),
    ]
)
VERDICTS_DDL = "transaction_id string, verdict string, decided_at timestamp"
REPORTS_DDL = "transaction_id string, is_fraud boolean, reported_at timestamp, record_id string"

DAY_ENDS = (0, 1, 3, 7, 8, 14, 30, 37, 60, 67)
"""Days between two transactions at which one of them is at the edge of another's window."""

REPORT_DELAYS = (-3, 0, 6, 7, 8, 14, 20, 37)
"""Days from a transaction to its report; the first is too early."""


@dataclass(frozen=True)
class Transaction:
    transaction_id: str
    event_time: datetime
    customer_id: str | None = "c"
    terminal_id: str | None = "t"
    cents: int | None = 1000
    country: str | None = "DE"
    channel: str | None = "online"
    merchant_id: str | None = "merchant"


@dataclass(frozen=True)
class Report:
    """A label: a customer's report, or a reviewer's verdict."""

    transaction_id: str
    is_fraud: bool
    reported_at: datetime
    by_reviewer: bool = False


def at(days: float = 0, *, seconds: float = 0, micros: int = 0) -> datetime:
    return START + timedelta(days=days, seconds=seconds, microseconds=micros)


def values_of(rows: Iterable[Transaction]) -> list[tuple[object, ...]]:
    """The rows' values in the order of `TRANSACTIONS_DDL`."""
    return [
        (
            row.transaction_id,
            row.event_time,
            row.event_time.date(),
            row.customer_id,
            "account",
            row.merchant_id,
            row.terminal_id,
            None if row.cents is None else Decimal(row.cents).scaleb(-2),
            row.country,
            row.channel,
        )
        for row in rows
    ]


def transactions_frame(spark: SparkSession, rows: Iterable[Transaction]) -> DataFrame:
    return spark.createDataFrame(values_of(rows), TRANSACTIONS_DDL)


def transactions_table(rows: Iterable[Transaction]) -> pa.Table:
    names = TRANSACTIONS_ARROW.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in values_of(rows)], TRANSACTIONS_ARROW)


def labels_table(reports: Iterable[Report]) -> pa.Table:
    schema = pa.schema(
        [("transaction_id", pa.string()), ("is_fraud", pa.bool_()), ("reported_at", pa.timestamp("us", "UTC"))]
    )
    return pa.Table.from_pylist([{name: getattr(r, name) for name in schema.names} for r in reports], schema)


def reports_frame(spark: SparkSession, rows: Iterable[Report]) -> DataFrame:
    return spark.createDataFrame([(r.transaction_id, r.is_fraud, r.reported_at, "record") for r in rows], REPORTS_DDL)


def verdicts_frame(spark: SparkSession, rows: Iterable[Report]) -> DataFrame:
    """The labels as verdicts; with each comes a later one that is unsure, and says nothing."""
    data = []
    for row in rows:
        data.append((row.transaction_id, "fraud" if row.is_fraud else "genuine", row.reported_at))
        data.append((row.transaction_id, "unsure", row.reported_at + timedelta(hours=1)))
    return spark.createDataFrame(data, VERDICTS_DDL)


ids = st.sampled_from(["a", "b", None])
amounts = st.one_of(st.none(), st.sampled_from((0, 1000, 1000, 1100, 2500, 2501, 9000)), st.integers(0, 10**9))
"""Amounts in cents: close to each other and far apart, so that some are unusual."""


@st.composite
def small_worlds(draw: st.DrawFn) -> tuple[list[Transaction], list[Report], list[bool]]:
    """A world with ties, edges of windows, gaps in its ids, and reports of every kind; and which rows are new."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations([f"{n:02}" for n in range(count)]))
    world = [
        Transaction(
            name,
            at(draw(st.sampled_from(DAY_ENDS)) + draw(st.integers(0, 2)), micros=draw(st.sampled_from((-1, 0, 0, 1)))),
            draw(ids),
            draw(ids),
            draw(amounts),
            draw(st.sampled_from(["DE", "FR", None])),
            draw(st.sampled_from(["online", "pos", None])),
            draw(st.sampled_from(["m", "n", None])),
        )
        for name in names
    ]
    reports = set()
    for row in draw(st.lists(st.sampled_from(world), max_size=2 * count)):
        delay = timedelta(days=draw(st.sampled_from(REPORT_DELAYS)), microseconds=draw(st.integers(-1, 1)))
        report = Report(row.transaction_id, draw(st.booleans()), row.event_time + delay)
        reports.add(report)
    return world, sorted(reports, key=str), draw(st.lists(st.booleans(), min_size=count, max_size=count))


def busy_world(dice: Random) -> tuple[list[Transaction], list[Report]]:
    """Few keys with many payments, some unusual, and terminals that are all fraud for a while."""
    rows, reports = [], set()
    compromised = dice.randrange(20)
    for number in dice.sample(range(100), 40):
        day = dice.randrange(75)
        row = Transaction(
            f"{number:02}",
            at(day, seconds=dice.choice((0, 0, 3600 * dice.randrange(24)))),
            dice.choice("aab"),
            dice.choice("aab"),
            dice.choice((None, 0, 1000, 1000, 1100, 1200, 2400, 2700, 3100, 5000, 9000)),
            dice.choice(("DE", "FR", None)),
        )
        rows.append(row)
        is_fraud = row.terminal_id == "a" and compromised <= day < compromised + 28
        if is_fraud or dice.random() < 0.1:
            reported = row.event_time + timedelta(days=dice.choice((1, 7, 7, 7, 12)))
            reports.add(Report(row.transaction_id, True, reported))
            if dice.random() < 0.2:
                reports.add(Report(row.transaction_id, False, reported + timedelta(days=dice.randrange(12))))
    return rows, sorted(reports, key=str)


def apart(number: int, row: Transaction) -> Transaction:
    """The row in a world of its own: its ids begin with the world's number."""
    customer, terminal = (f"{number}-{name}" if name else None for name in (row.customer_id, row.terminal_id))
    return replace(row, transaction_id=f"{number}-{row.transaction_id}", customer_id=customer, terminal_id=terminal)
