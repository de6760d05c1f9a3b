"""Alerts: transactions decided to be fraud that happened since the model's T."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import FRAUD_TRANSACTIONS, TRANSACTION_SCORES
from common.storage.lake import Lake

SHOWN = 15


def alerts(lake: Lake) -> DataFrame:
    """All alerts; backfill is none."""
    return lake.table(FRAUD_TRANSACTIONS.name).where("NOT is_backfill")


def recent_alerts(lake: Lake, limit: int = SHOWN) -> DataFrame:
    """The newest alerts: when, who, where, how much, score, and why."""
    shown = (
        "event_time",
        "transaction_id",
        "customer_id",
        "terminal_id",
        "amount_eur",
        "score",
        "rules_hit",
        "reasons",
    )
    return alerts(lake).select(*shown).orderBy(F.desc("event_time"), "transaction_id").limit(limit)


def plot_alerts(lake: Lake) -> Figure | None:
    """Alerts by day and cause, beside the spread of all scores; None before anything is scored."""
    cause = F.when(F.size("rules_hit") == 0, "model").when(F.col("score") > F.col("threshold"), "model and rule")
    by_day = (
        alerts(lake)
        .groupBy("event_date", cause.otherwise("rule").alias("cause"))
        .count()
        .toPandas()
        .pivot_table(index="event_date", columns="cause", values="count", fill_value=0)
    )
    spread = lake.table(TRANSACTION_SCORES).groupBy(F.floor(F.col("score") * 50).alias("bin")).count().toPandas()
    if spread.empty:
        return None
    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    if not by_day.empty:
        by_day.plot.bar(stacked=True, ax=left, xlabel="", ylabel="alerts", title="Alerts by day and cause")
    right.bar(spread["bin"] / 50, spread["count"], width=0.018, align="edge", color="#4878a8", log=True)
    right.set(title="Scores of all transactions", xlabel="score", ylabel="transactions")
    plt.close(drawn)
    return drawn
