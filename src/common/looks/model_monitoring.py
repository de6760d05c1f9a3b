"""Plots of gold.model_monitoring: drift by week, the score then and now, performance beside alerts."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from common.contracts.monitoring import PERFORMANCE
from common.gold.monitored_weeks import recent_figures
from common.ml.monitoring.figures import MODEL
from common.settings import PSI_AT_MOST
from common.storage.lake import Lake

READABLE_WEEKS = 12
"""With more weeks, a heat map's numbers can't be read."""

_MODEL, _REFERENCE, _BREACHED = "#1f4e79", "#c9d4df", "#b5532a"
_SHOWN = ("period_start", "model_version", "metric", "subject", "value", "baseline", "at_least", "at_most")


def figures_of(lake: Lake) -> pd.DataFrame:
    """What was measured in the last weeks, by week, metric and subject."""
    return (
        recent_figures(lake)
        .select(*_SHOWN, "is_breached", "rows", "note")
        .orderBy("period_start", "metric", "subject")
        .toPandas()
    )


def beyond_limits(figures: pd.DataFrame) -> pd.DataFrame:
    """The figures beyond their limits, newest week first."""
    breached = figures[figures["is_breached"].eq(True)].drop(columns=["is_breached", "note"])
    return breached.sort_values(["period_start", "metric", "subject"], ascending=[False, True, True], ignore_index=True)


def drift_by_week(figures: pd.DataFrame) -> Figure | None:
    """The population stability index of each feature and the score, by week, as a heat map; None without any.

    Dots are beyond their limit. Subjects with most drift are on top.
    """
    psi = figures[figures["metric"] == "psi"]
    if psi.empty:
        return None
    wide = psi.pivot(index="subject", columns="period_start", values="value")
    wide = wide.loc[wide.max(axis=1).sort_values(ascending=False).index]
    breached = psi.assign(is_breached=psi["is_breached"].eq(True))
    beyond = breached.pivot(index="subject", columns="period_start", values="is_breached").loc[wide.index]
    drawn, axes = plt.subplots(figsize=(4 + 0.9 * wide.shape[1], 1.2 + 0.3 * len(wide)), layout="constrained")
    image = axes.imshow(wide.to_numpy(dtype=float), cmap="OrRd", aspect="auto", vmin=0, vmax=2 * PSI_AT_MOST)
    if wide.shape[1] <= READABLE_WEEKS:
        for (row, column), value in np.ndenumerate(wide.to_numpy(dtype=float)):
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7)
    rows, columns = np.nonzero(beyond.eq(True).to_numpy())
    axes.plot(
        columns + 0.38, rows, "o", color=_BREACHED, markersize=6, markeredgecolor="white", label="beyond its limit"
    )
    axes.set_xticks(range(wide.shape[1]), [f"{week:%d %b}" for week in wide.columns])
    axes.tick_params(axis="x", rotation=90 if wide.shape[1] > READABLE_WEEKS else 0)
    axes.set_yticks(range(len(wide)), wide.index, fontsize=8)
    axes.set_title("Drift from training (PSI)\ndots: beyond the limit")
    drawn.colorbar(image, ax=axes)
    plt.close(drawn)
    return drawn


def scores_then_and_now(figures: pd.DataFrame) -> Figure | None:
    """The newest week's shares of transactions by score, beside those of the training window; None without any."""
    shares = figures[figures["metric"] == "score_share"]
    if shares.empty:
        return None
    newest = shares[shares["period_start"] == shares["period_start"].max()]
    newest = newest.assign(low=newest["subject"].str.split(" ").str[0].astype(float)).sort_values("low")
    places = np.arange(len(newest))
    drawn, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    axes.bar(places - 0.2, 100 * newest["baseline"], 0.4, color=_REFERENCE, label="training window")
    axes.bar(places + 0.2, 100 * newest["value"], 0.4, color=_MODEL, label=f"week of {newest['period_start'].iloc[0]}")
    axes.set_xticks(places, newest["subject"])
    axes.set(xlabel="score", ylabel="% of transactions", yscale="log")
    axes.set_title(f"Scores of version {newest['model_version'].iloc[0]}, then and now")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    plt.close(drawn)
    return drawn


def performance_by_week(figures: pd.DataFrame) -> Figure | None:
    """Performance of weeks with mature labels, beside the alerts of all weeks; None where no week was measured."""
    if figures.empty:
        return None
    wide = figures[figures["subject"] == MODEL].pivot(index="period_start", columns="metric", values="value")
    places, weeks = np.arange(len(wide)), [f"{week:%d %b}" for week in wide.index]
    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    for metric, style in zip(PERFORMANCE, ("o-", "s-", "^-", "d:"), strict=True):
        if metric in wide:
            left.plot(places, wide[metric], style, label=metric.replace("_", " "))
    left.set_ylim(0, None)
    right.bar(places, wide["alerted_cards_per_day"], 0.6, color=_REFERENCE, label="cards with an alert, a day")
    budget = figures[figures["metric"] == "alerted_cards_per_day"].set_index("period_start")["baseline"]
    right.step(places, budget.reindex(wide.index).astype(float), where="mid", color=_MODEL, label="alert budget")
    right.set(ylabel="cards a day", ylim=(0, 1.4 * np.nanmax([*wide["alerted_cards_per_day"], *budget.dropna(), 1])))
    rate = right.twinx()
    rate.plot(places, 100 * wide["alert_rate"], "o-", color=_BREACHED, label="alert rate")
    rate.set(ylabel="alerts, % of transactions", ylim=(0, 1.4 * max(100 * wide["alert_rate"].max(), 0.1)))
    rate.spines["top"].set_visible(False)
    rate.legend(loc="upper right", frameon=False)
    for axes, title in ((left, "Performance, once labels are mature"), (right, "Alerts")):
        axes.set_xticks(places, weeks, rotation=90 if len(weeks) > READABLE_WEEKS else 0)
        axes.set_xlim(-0.6, len(weeks) - 0.4)
        axes.set_title(title)
        axes.spines["top"].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower left" if axes is left else "upper left", frameon=False)
    plt.close(drawn)
    return drawn
