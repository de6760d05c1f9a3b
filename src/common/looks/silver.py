"""Looks at silver tables that the notebooks end with."""

from matplotlib.axes import Axes
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.reference import Reference
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.storage.lake import Lake
from common.storage.masking import without_personal_values
from common.storage.recent import RECENT_DAYS, recent

COLOUR = "#4878a8"


def daily_volume(lake: Lake) -> Axes | None:
    """A plot of transactions and euro by day; None while there are none."""
    days = (
        lake.table(TRANSACTIONS)
        .groupBy("event_date")
        .agg(F.count("*").alias("transactions"), F.sum("amount_eur").cast("double").alias("amount in euro"))
        .orderBy("event_date")
        .toPandas()
        .set_index("event_date")
    )
    if days.empty:
        return None
    upper: Axes = days.plot(subplots=True, figsize=(12, 5), color=[COLOUR, "#b5532a"], title="Silver by day")[0]
    return upper


def reports_by_day(lake: Lake) -> Axes | None:
    """A plot of the reports that came in day by day; None while there are none."""
    days = (
        lake.table(FRAUD_REPORTS)
        .groupBy(F.to_date("reported_at").alias("day"))
        .agg(F.count_if(F.col("is_fraud")).alias("fraud"), F.count_if(~F.col("is_fraud")).alias("withdrawn"))
        .orderBy("day")
        .toPandas()
        .set_index("day")
    )
    if days.empty:
        return None
    plot: Axes = days.plot(figsize=(12, 3.5), color=["#b5532a", COLOUR], title="Fraud reports by day", ylabel="reports")
    return plot


def report_delays(lake: Lake) -> Axes | None:
    """A plot of the days from a recent transaction to its report; None while there are none."""
    transactions = recent(lake, TRANSACTIONS).select("transaction_id", "event_time")
    seconds = F.unix_seconds("reported_at") - F.unix_seconds("event_time")
    delays = (
        lake.table(FRAUD_REPORTS)
        .join(transactions, "transaction_id")
        .groupBy(F.floor(seconds / 86400).alias("days"))
        .count()
        .orderBy("days")
        .toPandas()
        .set_index("days")["count"]
    )
    if delays.empty:
        return None
    return delays.plot.bar(
        figsize=(10, 3.5),
        color=COLOUR,
        title=f"Days until fraud is reported (last {RECENT_DAYS} days)",
        xlabel="days",
        ylabel="reports",
    )


def most_changed(lake: Lake, reference: Reference) -> DataFrame:
    """Every version of the key that has most of them, oldest first; personal values masked."""
    history = lake.table(reference.history)
    key = history.groupBy(reference.key).count().orderBy(F.desc("count"), reference.key).limit(1)
    versions = history.join(key.select(reference.key), reference.key, "left_semi")
    return without_personal_values(versions.orderBy("valid_from"), reference.history)


def versions_by_count(lake: Lake, reference: Reference) -> Axes | None:
    """A plot of how many keys have one version, two, and so on; None while there are none."""
    counts = lake.table(reference.history).groupBy(reference.key).count().groupBy("count")
    keys = counts.agg(F.count("*").alias("keys")).orderBy("count").toPandas().set_index("count")["keys"]
    if keys.empty:
        return None
    return keys.plot.bar(
        figsize=(8, 3), color=COLOUR, title=f"Versions of a {reference.entity}", xlabel="versions", ylabel="how many"
    )
