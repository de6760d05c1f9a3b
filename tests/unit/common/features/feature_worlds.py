"""Small worlds of transactions and reports, as Python rows and as Spark frames."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
TRANSACTIONS_DDL = (
    "transaction_id string, event_time timestamp, event_date date, customer_id string, account_id string, "
    "merchant_id string, terminal_id string, amount_eur decimal(18,2), channel string"
)
REPORTS_DDL = "transaction_id string, is_fraud boolean, reported_at timestamp, record_id string"


@dataclass(frozen=True)
class Transaction:
    transaction_id: str
    event_time: datetime
    customer_id: str | None = "c"
    terminal_id: str | None = "t"
    cents: int | None = 1000


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
            "merchant",
            row.terminal_id,
            None if row.cents is None else Decimal(row.cents).scaleb(-2),
            "online",
        )
        for row in rows
    ]
    return spark.createDataFrame(data, TRANSACTIONS_DDL)


def reports_frame(spark: SparkSession, rows: Iterable[Report]) -> DataFrame:
    return spark.createDataFrame([(r.transaction_id, r.is_fraud, r.reported_at, "record") for r in rows], REPORTS_DDL)
