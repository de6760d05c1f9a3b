"""gold.daily_fraud_summary: transactions, reported fraud and alerts of each day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.marts import DAILY_FRAUD_SUMMARY
from common.features.reach import stretches
from common.gold.marked import marked_between, sums
from common.gold.touched import recompute_touched
from common.storage.difference import merge_difference
from common.storage.lake import Lake
from common.storage.streams import AVAILABLE_NOW, Trigger


def daily_fraud_summary(rows: DataFrame) -> DataFrame:
    """One row a day, from marked transactions (`gold.marked`)."""
    return rows.groupBy("event_date").agg(*(value.alias(name) for name, value in sums().items()))


def recompute_days(lake: Lake, days: list[date]) -> None:
    """Makes the rows of these days what they should be by the tables as they stand."""
    derived = daily_fraud_summary(marked_between(lake, stretches((day, day) for day in days)))
    held = lake.table(DAILY_FRAUD_SUMMARY).where(F.col("event_date").isin(days))
    merge_difference(lake, derived, held, DAILY_FRAUD_SUMMARY)


def build_daily_fraud_summary(lake: Lake, trigger: Trigger = AVAILABLE_NOW) -> int:
    """Brings the mart up to date, reading only the days that something new concerns; returns its number of days.

    Raises:
        PositionError: the mart is gone, and the stream that fills it is not at its start.
    """
    checkpoint = lake.settings.checkpoint("gold", "daily_fraud_summary")
    recompute_touched(lake, checkpoint, (DAILY_FRAUD_SUMMARY,), recompute_days, trigger)
    return lake.table(DAILY_FRAUD_SUMMARY).count()
