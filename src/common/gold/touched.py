"""Which days something new concerns: the part of a mart that must be summed up again.

A transaction and its score concern the day of the transaction. So does a label, whose transaction is looked up by
its id; one that comes before its transaction finds none, and is found when the transaction arrives. So marts don't
depend on the order of arrival, where a transaction's id is on one date only (see the check unique_across_dates).
"""

from collections.abc import Mapping
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import TRANSACTIONS
from common.features.labels import LABELLED_BY, labels
from common.features.reach import Stretch
from common.gold.lookup import dates_of_transactions
from common.storage.lake import Lake
from common.storage.recent import utc
from common.storage.stacked import stacked

READ = (TRANSACTIONS, *LABELLED_BY, TRANSACTION_SCORES)


def mart_arrivals(read: Mapping[str, DataFrame]) -> DataFrame:
    """Rows of the tables that marts are made of: event_date, or transaction_id and reported_at where it is a label.

    Args:
        read: by the name of each table of `READ`, rows of it.

    """
    dated = [read[table.name].select("event_date") for table in (TRANSACTIONS, TRANSACTION_SCORES)]
    known = labels(*(read[table.name] for table in LABELLED_BY))
    return stacked([*dated, known.select("transaction_id", "reported_at")])


def touched_days(lake: Lake, batch: DataFrame) -> list[date]:
    """The days that a batch of `mart_arrivals` concerns, in order."""
    times = F.unix_micros("reported_at")
    ends = batch.groupBy("event_date").agg(F.min(times).alias("first"), F.max(times).alias("last")).collect()
    days = {row["event_date"] for row in ends if row["event_date"]}
    for row in ends:
        if row["event_date"] is None:
            reports = batch.where("event_date IS NULL").select("transaction_id", "reported_at")
            transactions = lake.table(TRANSACTIONS).select("transaction_id", "event_date")
            days |= dates_of_transactions(reports, transactions, utc(row["first"]), utc(row["last"]))
    return sorted(days)


def days_of_month(day: date) -> Stretch:
    """The first and the last day of the month that a day is in."""
    first = day.replace(day=1)
    following = (first + timedelta(31)).replace(day=1)
    return first, following - timedelta(1)
