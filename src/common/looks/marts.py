"""Plots of the marts, of recent months and days, that the notebooks of marts end with."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from pyspark.sql import functions as F

from common.contracts.marts import (
    ALERT_OUTCOMES,
    COUNTRY_CHANNEL_MATRIX,
    CUSTOMER_SPENDING,
    MERCHANT_RISK,
    OUTCOMES,
)
from common.storage.lake import Lake
from common.storage.recent import recent

_COLOURS: dict[Any, Any] = {
    "confirmed": "#1f3a5f",
    "withdrawn": "#e0a458",
    "still_open": "#d9d9d9",
    "genuine": "#b5532a",
}
_FRAUD, _NEUTRAL = "#b5532a", "#4878a8"


def fraud_by_day(summary: pd.DataFrame) -> Figure | None:
    """Fraud by day in numbers, as a share and as alerts; `summary` is gold.daily_fraud_summary. None without days."""
    if summary.empty:
        return None
    drawn, (rate, alerts) = plt.subplots(2, 1, figsize=(12, 6), sharex=True, layout="constrained")
    days = pd.to_datetime(summary["event_date"])
    rate.plot(days, 100 * summary["fraud_rate"], color="#b5532a")
    rate.set_title("Transactions reported as fraud")
    rate.set_ylabel("% of the day")
    alerts.bar(days, summary["frauds"], color="#d9d9d9", label="reported as fraud")
    alerts.bar(days, summary["alerts"], color="#4878a8", alpha=0.8, width=0.5, label="alerts")
    alerts.bar(days, summary["alerts_confirmed"], color="#1f3a5f", width=0.5, label="alerts that are reported as fraud")
    alerts.set_title("Alerts and fraud")
    alerts.set_ylabel("transactions")
    alerts.legend(loc="upper left", frameon=False)
    plt.close(drawn)
    return drawn


def riskiest_merchants(lake: Lake, limit: int = 15) -> Figure | None:
    """The merchants that rank highest in the newest month; None without any."""
    rows = recent(lake, MERCHANT_RISK, "month")
    newest = rows.agg(F.max("month")).collect()[0][0]
    if newest is None:
        return None
    top = rows.where(F.col("month") == F.lit(newest)).orderBy("risk_rank", "merchant_id").limit(limit).toPandas()
    drawn, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    axes.barh(top["merchant_id"], 100 * top["smoothed_fraud_rate"], color=_FRAUD)
    axes.plot(100 * top["fraud_rate"], top["merchant_id"], "o", color="#1f3a5f", label="fraud rate as counted")
    axes.invert_yaxis()
    axes.set_title(f"Riskiest merchants of {newest:%B %Y}")
    axes.set_xlabel("smoothed fraud rate, %")
    axes.legend(frameon=False)
    plt.close(drawn)
    return drawn


def spending_spread(lake: Lake) -> Figure | None:
    """How much customers spend a month, month by month: median and the middle half; None without any."""
    spread = (
        recent(lake, CUSTOMER_SPENDING, "month")
        .where("amount_eur IS NOT NULL")
        .groupBy("month")
        .agg(F.percentile_approx("amount_eur", [0.25, 0.5, 0.75]).alias("parts"))
        .orderBy("month")
        .toPandas()
    )
    if spread.empty:
        return None
    low, middle, high = ([float(parts[n]) for parts in spread["parts"]] for n in range(3))
    months = [f"{month:%Y-%m}" for month in spread["month"]]
    drawn, axes = plt.subplots(figsize=(10, 4), layout="constrained")
    axes.vlines(months, low, high, color=_NEUTRAL, linewidth=10, alpha=0.4, label="middle half of customers")
    axes.plot(months, middle, "o", color=_NEUTRAL, label="median")
    axes.set_title("Spending of a customer in a month")
    axes.set_ylabel("euro")
    axes.legend(frameon=False)
    plt.close(drawn)
    return drawn


def outcomes_by_day(lake: Lake) -> Figure | None:
    """What became of recent alerts, by day and by cause; None without any."""
    sums = [F.sum(name).alias(name) for name in OUTCOMES]
    rows = recent(lake, ALERT_OUTCOMES)
    days = rows.groupBy("event_date").agg(*sums).orderBy("event_date").toPandas().set_index("event_date")
    if days.empty:
        return None
    causes = rows.groupBy("cause").agg(*sums).orderBy("cause").toPandas().set_index("cause")
    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained", width_ratios=(2, 1))
    days.plot.bar(stacked=True, ax=left, color=_COLOURS, xlabel="", ylabel="alerts", title="Alerts by day and outcome")
    causes.plot.barh(stacked=True, ax=right, color=_COLOURS, legend=False, ylabel="", title="By cause")
    plt.close(drawn)
    return drawn


def fraud_by_country_and_channel(lake: Lake, countries: int = 12) -> Figure | None:
    """The fraud rate of the busiest countries by channel, as a heat map of recent months; None without any."""
    rows = (
        recent(lake, COUNTRY_CHANNEL_MATRIX, "month")
        .groupBy(F.coalesce("country", F.lit("?")).alias("country"), F.coalesce("channel", F.lit("?")).alias("channel"))
        .agg(
            F.sum("transactions").alias("transactions"), F.sum("frauds").alias("frauds"), F.min("month").alias("month")
        )
        .toPandas()
    )
    if rows.empty:
        return None
    busiest = rows.groupby("country")["transactions"].sum().nlargest(countries).index
    wide = rows.pivot(index="country", columns="channel", values=["frauds", "transactions"]).loc[busiest]
    rates = 100 * wide["frauds"] / wide["transactions"]
    drawn, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    image = axes.imshow(rates.to_numpy(dtype=float), cmap="OrRd", aspect="auto")
    axes.set_xticks(range(rates.shape[1]), rates.columns)
    axes.set_yticks(range(rates.shape[0]), rates.index)
    axes.set_title(f"Fraud rate of the months since {min(rows['month']):%Y-%m-%d} by country and channel, %")
    drawn.colorbar(image, ax=axes)
    plt.close(drawn)
    return drawn
