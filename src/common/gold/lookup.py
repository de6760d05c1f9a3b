"""The transactions that reports speak of, found by their ids without reading the whole table.

A report doesn't say when its transaction was. Nearly all come within weeks, so those days are searched first; only
what isn't found there is looked for everywhere else. If an id is on two dates (see the check
unique_across_dates), the one far from its report may not be found.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.storage.lake import Lake
from common.storage.recent import utc

REPORTED_WITHIN_DAYS = 60


@contextmanager
def with_transactions(lake: Lake, reports: DataFrame, transactions: DataFrame) -> Iterator[DataFrame]:
    """The reports, each with its transaction's columns; these are null where it has not arrived.

    Args:
        lake: for staging.
        reports: transaction_id, reported_at, and what else should be kept.
        transactions: transaction_id, event_date, and the columns wanted.

    """
    with lake.staged(reports, "reports.sought") as sought:
        times = F.unix_micros("reported_at")
        row = sought.agg(F.min(times), F.max(times)).first()
        if row is None or row[0] is None:
            yield sought.join(transactions.where("false"), "transaction_id", "left")
            return
        is_near = _is_near(utc(row[0]), utc(row[1]))
        with lake.staged(_joined(sought, transactions.where(is_near)), "reports.near") as found:
            missing = found.where("event_date IS NULL").select(*reports.columns)
            if missing.isEmpty():
                yield found
            else:
                elsewhere = _joined(missing, transactions.where(~is_near))
                yield found.where("event_date IS NOT NULL").unionByName(elsewhere)


def dates_of_transactions(reports: DataFrame, transactions: DataFrame, first: datetime, last: datetime) -> set[date]:
    """The event dates of the transactions that reports speak of, as far as these have arrived.

    Args:
        reports: transaction_id, reported_at.
        transactions: transaction_id, event_date.
        first: the earliest reported_at.
        last: the latest reported_at.

    """
    found = _joined(reports, transactions.where(_is_near(first, last)))
    days = {row["event_date"] for row in found.select("event_date").distinct().collect()}
    if None in days:
        missing = found.where("event_date IS NULL").select(*reports.columns)
        elsewhere = _joined(missing, transactions.where(~_is_near(first, last)))
        days |= {row["event_date"] for row in elsewhere.select("event_date").distinct().collect()}
    return days - {None}


def _is_near(first: datetime, last: datetime) -> Column:
    """Whether an event date is near reports that came between two moments."""
    return F.col("event_date").between(F.lit(first.date() - timedelta(REPORTED_WITHIN_DAYS)), F.lit(last.date()))


def _joined(reports: DataFrame, transactions: DataFrame) -> DataFrame:
    """The left join, with the few ids sent to the many transactions rather than both sorted."""
    found = transactions.join(reports.select("transaction_id"), "transaction_id", "left_semi")
    return reports.join(found, "transaction_id", "left")
