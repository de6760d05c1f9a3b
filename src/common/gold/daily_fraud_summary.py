"""gold.daily_fraud_summary: transactions, reported fraud and alerts of each day."""

from pyspark.sql import DataFrame

from common.contracts.marts import DAILY_FRAUD_SUMMARY
from common.gold.marked import sums
from common.gold.mart import Mart


def daily_fraud_summary(rows: DataFrame) -> DataFrame:
    """One row a day, from marked transactions of whole days."""
    return rows.groupBy("event_date").agg(*(value.alias(name) for name, value in sums().items()))


MART = Mart(DAILY_FRAUD_SUMMARY, daily_fraud_summary, by="day")
