"""gold.alert_outcomes: what became of the alerts of each day, by what caused them.

An alert without a report is genuine only when the label delay is over. The clock is the newest transaction, not the
wall: a day is open until a transaction comes that is more than the delay later.
"""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES
from common.contracts.silver import FRAUD_REPORTS
from common.features.labels import last_reports
from common.features.reach import stretches, within
from common.gold.marked import sum_where
from common.settings import LABEL_DELAY_DAYS
from common.storage.difference import merge_difference
from common.storage.lake import Lake
from common.storage.recent import newest_day


def cause() -> Column:
    """What made an alert: model, both (model and rules), or the names of the rules that fired alone."""
    by_model, by_rule = F.col("score") > F.col("threshold"), F.size("rules_hit") > 0
    named = F.when(by_model & by_rule, "both").when(by_model, "model").otherwise(F.concat_ws(", ", "rules_hit"))
    return named.alias("cause")


def alert_outcomes(
    scores: DataFrame, fraud_reports: DataFrame, newest: date, delay_days: int = LABEL_DELAY_DAYS
) -> DataFrame:
    """One row a day and cause.

    Args:
        scores: rows of gold.transaction_scores, of whole days.
        fraud_reports: silver.fraud_reports.
        newest: the newest event date in silver.transactions.
        delay_days: days that reports of fraud are given to arrive.

    """
    alerts = scores.where(IS_ALERT).join(last_reports(fraud_reports), "transaction_id", "left")
    confirmed, withdrawn, unreported = F.col("is_fraud"), ~F.col("is_fraud"), F.col("is_fraud").isNull()
    is_open = F.col("event_date") >= F.lit(newest - timedelta(delay_days))
    return (
        alerts.groupBy("event_date", cause())
        .agg(
            F.count("*").alias("alerts"),
            F.count_if(confirmed).alias("confirmed"),
            F.count_if(withdrawn).alias("withdrawn"),
            F.count_if(unreported & is_open).alias("still_open"),
            F.count_if(unreported & ~is_open).alias("genuine"),
            sum_where(F.lit(True)).alias("alert_amount_eur"),
            sum_where(confirmed).alias("saved_eur"),
        )
        .withColumn("precision", F.try_divide("confirmed", F.col("alerts") - F.col("still_open")))
    )


def recompute_alert_outcomes(lake: Lake, days: list[date]) -> None:
    """Makes the rows of these days what they should be, and those of all days with alerts that were still open."""
    newest = newest_day(lake)
    if newest is None:
        return
    mart = lake.table(ALERT_OUTCOMES)
    opened = {row["event_date"] for row in mart.where("still_open > 0").select("event_date").distinct().collect()}
    concerned = within("event_date", stretches((day, day) for day in {*days, *opened}))
    derived = alert_outcomes(lake.table(TRANSACTION_SCORES).where(concerned), lake.table(FRAUD_REPORTS), newest)
    merge_difference(lake, derived, mart.where(concerned), ALERT_OUTCOMES)
