"""The newest event, and the recent part of a table, which plots are bounded to.

So they cost the same however old the lakehouse is.
"""

from datetime import UTC, date, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import TRANSACTIONS
from common.contracts.table import Table
from common.storage.lake import Lake

RECENT_DAYS = 90


def newest_day(lake: Lake) -> date | None:
    """The newest event date in silver.transactions; None where there is none."""
    newest: date | None = lake.table(TRANSACTIONS).agg(F.max("event_date")).collect()[0][0]
    return newest


def newest_time(rows: DataFrame) -> datetime | None:
    """The newest event_time of the rows, UTC; None where there are none."""
    micros = rows.agg(F.max(F.unix_micros("event_time"))).collect()[0][0]
    return None if micros is None else utc(micros)


def recent(lake: Lake, table: Table, column: str = "event_date", days: int = RECENT_DAYS) -> DataFrame:
    """The rows whose date `column` lies within the last days before the newest transaction; none without one."""
    newest = newest_day(lake)
    rows = lake.table(table)
    if newest is None:
        return rows.where("false")
    return rows.where(F.col(column) >= F.lit(newest - timedelta(days)))


def utc(micros: int) -> datetime:
    """The time (UTC) that many microseconds after the beginning of 1970."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
