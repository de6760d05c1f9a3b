"""Transactions with what became of them: the rows that marts sum up."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import IS_PURCHASE, TRANSACTIONS
from common.features.labels import known_labels, last_labels
from common.features.reach import Stretch, within
from common.storage.lake import Lake

_SUMMED_UP = ("event_date", "customer_id", "merchant_id", "country", "channel", "amount_eur", "is_fraud", "is_alert")


def marked(transactions: DataFrame, labels: DataFrame, scores: DataFrame) -> DataFrame:
    """Transactions with `is_fraud`, by the last label so far, and `is_alert`; neither is ever null.

    Every label that is there counts, also one that is dated ahead of the newest transaction.
    """
    alerts = scores.where(IS_ALERT).select("transaction_id", "event_date", F.lit(True).alias("_is_alert"))
    return (
        transactions.join(last_labels(labels), "transaction_id", "left")
        .join(alerts, ["transaction_id", "event_date"], "left")
        .withColumn("is_fraud", F.coalesce("is_fraud", F.lit(False)))
        .withColumn("is_alert", F.coalesce("_is_alert", F.lit(False)))
        .drop("_is_alert")
    )


def marked_between(lake: Lake, days: list[Stretch]) -> DataFrame:
    """The purchases of these stretches of days, marked, in the columns that marts sum up.

    Of days outside of them no file is read.
    """
    is_theirs = within("event_date", days)
    purchases = lake.table(TRANSACTIONS).where(is_theirs).where(IS_PURCHASE)
    scores = lake.table(TRANSACTION_SCORES).where(is_theirs)
    return marked(purchases, known_labels(lake), scores).select(*_SUMMED_UP)


def sums() -> dict[str, Column]:
    """The aggregates of marked transactions that marts have in common, by column."""
    return {
        "transactions": F.count("*"),
        "amount_eur": F.sum("amount_eur"),
        "frauds": F.count_if("is_fraud"),
        "fraud_amount_eur": sum_where(F.col("is_fraud")),
        "fraud_rate": F.count_if("is_fraud") / F.count("*"),
        "alerts": F.count_if("is_alert"),
        "alerts_confirmed": F.count_if(F.col("is_alert") & F.col("is_fraud")),
    }


def sum_where(condition: Column) -> Column:
    """The sum of amount_eur of the rows for which the condition holds; 0 where there are none."""
    return F.coalesce(F.sum(F.when(condition, F.col("amount_eur"))), F.lit(0))


def of_month() -> Column:
    """The first day of event_date's month."""
    return F.trunc("event_date", "month").alias("month")
