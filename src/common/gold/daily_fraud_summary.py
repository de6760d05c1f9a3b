"""gold.daily_fraud_summary: transactions, reported fraud and alerts of each day."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import DAILY_FRAUD_SUMMARY, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.features.labels import known_frauds
from common.storage.lake import Lake

_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


def daily_fraud_summary(transactions: DataFrame, fraud_reports: DataFrame, scores: DataFrame) -> DataFrame:
    """One row a day, from silver.transactions, silver.fraud_reports and gold.transaction_scores."""
    frauds = known_frauds(fraud_reports, _END_OF_TIME).where("is_fraud").select("transaction_id", "is_fraud")
    alerts = scores.where("decision = 'fraud' AND NOT is_backfill").select(
        "transaction_id", F.lit(True).alias("is_alert")
    )
    marked = transactions.join(frauds, "transaction_id", "left").join(alerts, "transaction_id", "left")
    is_fraud, is_alert = F.col("is_fraud").isNotNull(), F.col("is_alert").isNotNull()
    return marked.groupBy("event_date").agg(
        F.count("*").alias("transactions"),
        F.sum("amount_eur").alias("amount_eur"),
        F.count_if(is_fraud).alias("frauds"),
        F.coalesce(F.sum(F.when(is_fraud, F.col("amount_eur"))), F.lit(0))
        .cast("decimal(28,2)")
        .alias("fraud_amount_eur"),
        (F.count_if(is_fraud) / F.count("*")).alias("fraud_rate"),
        F.count_if(is_alert).alias("alerts"),
        F.count_if(is_alert & is_fraud).alias("alerts_confirmed"),
    )


def build_daily_fraud_summary(lake: Lake) -> int:
    """Brings the mart up to date, changing only the days that changed, and returns its number of days."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, TRANSACTION_SCORES, DAILY_FRAUD_SUMMARY)
    days = daily_fraud_summary(lake.table(TRANSACTIONS), lake.table(FRAUD_REPORTS), lake.table(TRANSACTION_SCORES))
    lake.merge_versions(days.withColumn("operation", F.lit("upsert")), DAILY_FRAUD_SUMMARY)
    return lake.table(DAILY_FRAUD_SUMMARY).count()
