"""Which days something new concerns: the part of a mart that must be summed up anew.

A transaction and its score concern the day of the transaction. So does a report, whose transaction is looked up by
its id; one that comes before its transaction finds none, and is found when the transaction arrives. So marts don't
depend on the order of arrival, where a transaction's id is on one date only (see the check unique_across_dates).
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from pyspark.sql import DataFrame

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.features.reach import Stretch
from common.gold.lookup import with_transactions
from common.gold.stacked import stacked
from common.storage.lake import Lake, Once
from common.storage.positions import check_position
from common.storage.streams import BatchStep, Trigger, batch_query, run_queries

READ = (TRANSACTIONS, FRAUD_REPORTS, TRANSACTION_SCORES)

Recompute = Callable[[Lake, list[date]], None]
"""Makes the rows of marts that are about these days what they should be by the tables as they stand."""


def arrivals(read: Mapping[str, DataFrame]) -> DataFrame:
    """Rows of the tables that marts are made of: event_date, or transaction_id and reported_at where it is a report.

    Args:
        read: by the name of each table of `READ`, rows of it.

    """
    dated = [read[table.name].select("event_date") for table in (TRANSACTIONS, TRANSACTION_SCORES)]
    reports = read[FRAUD_REPORTS.name].select("transaction_id", "reported_at")
    return stacked([*dated, reports])


def touched_days(lake: Lake, batch: DataFrame) -> list[date]:
    """The days that a batch of `arrivals` concerns, in order."""
    days = {row["event_date"] for row in batch.select("event_date").distinct().collect()}
    if None in days:
        reports = batch.where("event_date IS NULL").select("transaction_id", "reported_at").distinct()
        transactions = lake.table(TRANSACTIONS).select("transaction_id", "event_date")
        with with_transactions(lake, reports, transactions) as found:
            days |= {row["event_date"] for row in found.select("event_date").distinct().collect()}
    return sorted(days - {None})


def months_of(days: list[date]) -> list[date]:
    """The first days of the months that the days are in, in order."""
    return sorted({day.replace(day=1) for day in days})


def days_of_month(month: date) -> Stretch:
    """The first and the last day of the month that begins on a day."""
    following = (month + timedelta(31)).replace(day=1)
    return month, following - timedelta(1)


def recompute_touched(
    lake: Lake, checkpoint: str, tables: tuple[Table, ...], recompute: Recompute, trigger: Trigger
) -> None:
    """Runs a stream that recomputes what the arrivals touch in the marts `tables`, creating what is not there yet.

    Raises:
        PositionError: a mart is gone, and the stream that fills it is not at its start.
    """
    for table in tables:
        check_position(lake, table, checkpoint)
    lake.ensure(*READ, *tables)
    rows = arrivals({table.name: lake.stream(table) for table in READ})
    run_queries([batch_query(lake, rows, checkpoint, _batch_step(recompute), trigger)])


def _batch_step(recompute: Recompute) -> BatchStep:
    def step(lake: Lake, batch: DataFrame, _: Once) -> None:
        if days := touched_days(lake, batch):
            recompute(lake, days)

    return step
