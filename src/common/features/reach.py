"""How far back the windows of new transactions reach: the only history that computing their features reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.features import RECENT_DAYS, USUAL_DAYS
from common.settings import LABEL_DELAY_DAYS
from common.storage.recent import utc

REACH_DAYS = 2 * USUAL_DAYS + max(*RECENT_DAYS, LABEL_DELAY_DAYS)
"""How far back features reach. What was unusual within the recent days is judged by what was usual before it, from
which what was unusual is left out, by what was usual before that. A terminal's fraud is explained by what its
customer paid before it: its delay, window and that one together reach as far."""

Stretch = tuple[date, date]
"""The first and the last day of several in a row."""


@dataclass(frozen=True)
class Reach:
    """The first and last event time of a batch of transactions, UTC, both included, and its event dates in order."""

    first: datetime
    last: datetime
    dates: tuple[date, ...]

    def history(self, transactions: DataFrame) -> DataFrame:
        """The transactions that features of the batch can depend on, the batch's own included.

        The bounds are literals, on event_date too, so that Delta skips the files outside of them. What lies between
        the windows of a late transaction and those of the newest ones is skipped as well.
        """
        return transactions.where(
            within("event_date", stretches((day - timedelta(REACH_DAYS), day) for day in self.dates))
            & (F.col("event_time") > F.lit(self.first - timedelta(REACH_DAYS)))
            & (F.col("event_time") <= F.lit(self.last))
        )

    def known(self, fraud_reports: DataFrame) -> DataFrame:
        """The reports that had come in when the last transaction of the batch happened."""
        return fraud_reports.where(F.col("reported_at") <= F.lit(self.last))


def reach_of(new: DataFrame) -> Reach | None:
    """The reach of a batch, or None where it has no rows. Runs a query over its event times."""
    days = new.groupBy("event_date").agg(*event_ends()).collect()
    return reach_by_day({row["event_date"]: (row["first"], row["last"]) for row in days})


def event_ends() -> tuple[Column, Column]:
    """Aggregates: the `first` and the `last` event time, in microseconds."""
    times = F.unix_micros("event_time")
    return F.min(times).alias("first"), F.max(times).alias("last")


def reach_by_day(ends: Mapping[date, tuple[int, int]]) -> Reach | None:
    """The reach of rows of these dates, each with its first and last event time in microseconds."""
    if not ends:
        return None
    first, last = min(first for first, _ in ends.values()), max(last for _, last in ends.values())
    return Reach(utc(first), utc(last), tuple(sorted(ends)))


def stretches(spans: Iterable[Stretch]) -> list[Stretch]:
    """The same days in as few stretches as there can be, in order."""
    joined: list[Stretch] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + timedelta(1):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def within(column: str, days: Iterable[Stretch]) -> Column:
    """Whether a date lies in one of the stretches, by literals."""
    condition = F.lit(False)
    for number, (first, last) in enumerate(days):
        inside = F.col(column).between(F.lit(first), F.lit(last))
        condition = inside if number == 0 else condition | inside
    return condition
