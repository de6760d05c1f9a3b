"""The recent part of a table that looks are bounded to, so that they cost the same however old the lakehouse is."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import TRANSACTIONS
from common.contracts.table import Table
from common.storage.lake import Lake

RECENT_DAYS = 90


def recent(lake: Lake, table: Table, column: str = "event_date", days: int = RECENT_DAYS) -> DataFrame:
    """The rows whose date `column` lies within the last days before the newest transaction; none without one."""
    newest: date | None = lake.table(TRANSACTIONS).agg(F.max("event_date")).collect()[0][0]
    rows = lake.table(table)
    if newest is None:
        return rows.where("false")
    return rows.where(F.col(column) >= F.lit(newest - timedelta(days)))
