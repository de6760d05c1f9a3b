"""Small worlds of transactions and reports, as Python rows and as Spark frames."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
TRANSACTIONS_DDL = (
    "transaction_id string, event_time timestamp, event_date date, customer_id string, account_id string, "
    "merchant_id string, terminal_id string, amount_eur decimal(18,2), country string, channel string"
)
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
    transaction_id: str
    is_fraud: bool
    reported_at: datetime


def at(days: float = 0, *, seconds: float = 0, micros: int = 0) -> datetime:
    return START + timedelta(days=days, seconds=seconds, microseconds=micros)


def transactions_frame(spark: SparkSession, rows: Iterable[Transaction]) -> DataFrame:
    data = [
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
    return spark.createDataFrame(data, TRANSACTIONS_DDL)


def reports_frame(spark: SparkSession, rows: Iterable[Report]) -> DataFrame:
    return spark.createDataFrame([(r.transaction_id, r.is_fraud, r.reported_at, "record") for r in rows], REPORTS_DDL)


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


def apart(number: int, row: Transaction) -> Transaction:
    """The row in a world of its own: its ids begin with the world's number."""
    customer, terminal = (f"{number}-{name}" if name else None for name in (row.customer_id, row.terminal_id))
    return replace(row, transaction_id=f"{number}-{row.transaction_id}", customer_id=customer, terminal_id=terminal)
