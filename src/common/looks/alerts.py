"""A plot of the alerts beside the scores that they come from."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.gold.alert_outcomes import cause
from common.storage.lake import Lake
from common.storage.recent import RECENT_DAYS, recent


def plot_alerts(lake: Lake) -> Figure | None:
    """Recent alerts by day and cause, beside the spread of recent scores; None without any."""
    scores = recent(lake, TRANSACTION_SCORES)
    by_day = (
        scores.where(IS_ALERT)
        .groupBy("event_date", cause())
        .count()
        .toPandas()
        .pivot_table(index="event_date", columns="cause", values="count", fill_value=0)
    )
    spread = scores.groupBy(F.floor(F.col("score") * 50).alias("bin")).count().toPandas()
    if spread.empty:
        return None
    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    if not by_day.empty:
        by_day.plot.bar(stacked=True, ax=left, xlabel="", ylabel="alerts")
    left.set_title(f"Alerts of the last {RECENT_DAYS} days by day and cause")
    right.bar(spread["bin"] / 50, spread["count"], width=0.018, align="edge", color="#4878a8", log=True)
    right.set(title=f"Scores of the last {RECENT_DAYS} days", xlabel="score", ylabel="transactions")
    plt.close(drawn)
    return drawn
