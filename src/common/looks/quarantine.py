"""A plot of the quarantine: what is in it, by check and by day."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from pyspark.sql import functions as F

from common.storage.lake import Lake
from common.storage.quarantine import quarantined


def plot_quarantine(lake: Lake, target: str | None) -> Figure | None:
    """Quarantined records by failed check, and by day; None while there are none."""
    by_check = (
        quarantined(lake, target)
        .select(F.to_date("quarantined_at").alias("day"), F.explode("failed_checks.name").alias("check_name"))
        .groupBy("day", "check_name")
        .count()
        .toPandas()
    )
    if by_check.empty:
        return None
    totals = by_check.groupby("check_name")["count"].sum().sort_values()
    drawn, (checks, days) = plt.subplots(
        1, 2, figsize=(13, 1.5 + 0.3 * len(totals)), width_ratios=(3, 2), layout="constrained"
    )
    checks.barh(totals.index, totals, color="#b5532a")
    checks.set(title="Quarantined records by failed check", xlabel="records")
    by_day = by_check.groupby("day")["count"].sum().sort_index()
    days.bar([str(day) for day in by_day.index], by_day, color="#4878a8")
    days.set(title="Failed checks by the day of quarantine", ylabel="failed checks")
    days.tick_params(axis="x", rotation=45)
    plt.close(drawn)
    return drawn
