"""What was known of frauds at a moment: the labels that training joins."""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def known_frauds(fraud_reports: DataFrame, as_of: datetime | Column) -> DataFrame:
    """The status of each reported transaction by its last report up to `as_of`: transaction_id, is_fraud.

    Of reports at the same time, fraud is believed. A transaction that is not in the result had no report yet.
    """
    moment = as_of if isinstance(as_of, Column) else F.lit(as_of)
    latest_first = Window.partitionBy("transaction_id").orderBy(F.desc("reported_at"), F.desc("is_fraud"))
    known = fraud_reports.where(F.col("reported_at") <= moment)
    latest = known.withColumn("rank", F.row_number().over(latest_first)).where("rank = 1")
    return latest.select("transaction_id", "is_fraud")
