"""gold.alert_outcomes: what became of the alerts of each day, by what caused them.

An alert of which nothing is known is genuine only when the label delay is over. The clock is the newest transaction,
not the wall: a day is open until a transaction comes that is more than the delay later.
"""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.marts import ALERT_OUTCOMES
from common.features.labels import known_labels, last_labels
from common.features.reach import Stretch, within
from common.gold.marked import sum_where
from common.gold.mart import Mart
from common.settings import LABEL_DELAY_DAYS
from common.storage.lake import Lake
from common.storage.recent import newest_day


def cause() -> Column:
    """What made an alert: model, both (model and rules), or the names of the rules that fired alone."""
    by_model, by_rule = F.col("score") > F.col("threshold"), F.size("rules_hit") > 0
    named = F.when(by_model & by_rule, "both").when(by_model, "model").otherwise(F.concat_ws(", ", "rules_hit"))
    return named.alias("cause")


def alerts_between(lake: Lake, days: list[Stretch]) -> DataFrame:
    """The alerts of these stretches of days, with what became of them so far.

    `is_fraud` and `was_fraud` are those of `last_labels`, null without a label. `is_open`: the label delay is not over
    for the whole day.
    """
    scores = lake.table(TRANSACTION_SCORES).where(within("event_date", days))
    newest = newest_day(lake) or date.min + timedelta(LABEL_DELAY_DAYS)
    is_open = F.col("event_date") >= F.lit(newest - timedelta(LABEL_DELAY_DAYS))
    alerts = scores.where(IS_ALERT).withColumn("is_open", is_open)
    return alerts.join(last_labels(known_labels(lake)), "transaction_id", "left")


def alert_outcomes(alerts: DataFrame) -> DataFrame:
    """One row a day and cause, from alerts of whole days (`alerts_between`)."""
    confirmed, unlabelled, is_open = F.col("is_fraud"), F.col("is_fraud").isNull(), F.col("is_open")
    withdrawn, cleared = ~confirmed & F.col("was_fraud"), ~confirmed & ~F.col("was_fraud")
    return (
        alerts.groupBy("event_date", cause())
        .agg(
            F.count("*").alias("alerts"),
            F.count_if(confirmed).alias("confirmed"),
            F.count_if(withdrawn).alias("withdrawn"),
            F.count_if(unlabelled & is_open).alias("still_open"),
            F.count_if(cleared | (unlabelled & ~is_open)).alias("genuine"),
            sum_where(F.lit(True)).alias("alert_amount_eur"),
            sum_where(confirmed).alias("saved_eur"),
        )
        .withColumn("precision", F.try_divide("confirmed", F.col("alerts") - F.col("still_open")))
    )


MART = Mart(ALERT_OUTCOMES, alert_outcomes, by="day", read=alerts_between, open_rows="still_open > 0")
