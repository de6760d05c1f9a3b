"""How far back the windows of new transactions reach: the only history that computing their features reads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import WINDOW_DAYS


@dataclass(frozen=True)
class Reach:
    """The first and last event time of a batch of transactions, UTC, both included."""

    first: datetime
    last: datetime

    def history(self, transactions: DataFrame, delay_days: int) -> DataFrame:
        """The transactions that a window of the batch can hold, the batch's own included.

        The bounds are literals, on event_date too, so that Delta skips the files outside of them.
        """
        low = self.first - timedelta(days=delay_days + max(WINDOW_DAYS))
        return transactions.where(
            F.col("event_date").between(F.lit(low.date()), F.lit(self.last.date()))
            & (F.col("event_time") > F.lit(low))
            & (F.col("event_time") <= F.lit(self.last))
        )

    def known(self, fraud_reports: DataFrame) -> DataFrame:
        """The reports that had come in when the last transaction of the batch happened."""
        return fraud_reports.where(F.col("reported_at") <= F.lit(self.last))


def reach_of(new: DataFrame) -> Reach | None:
    """The reach of a batch, or None where it has no rows. Runs a query over its event times."""
    times = F.unix_micros("event_time")
    row = new.agg(F.min(times), F.max(times)).first()
    if row is None or row[0] is None:
        return None
    return Reach(_utc(row[0]), _utc(row[1]))


def _utc(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
