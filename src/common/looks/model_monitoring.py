"""Plots of gold.model_monitoring: drift by week, the score then and now, performance beside alerts."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.contracts.monitoring import PERFORMANCE
from common.gold.monitored_weeks import recent_figures
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
    axes.plot(columns + 0.38, rows, "o", color=_BREACHED, markersize=5, label="beyond its limit")
    axes.set_xticks(range(wide.shape[1]), [f"{week:%d %b}" for week in wide.columns])
    axes.tick_params(axis="x", rotation=90 if wide.shape[1] > READABLE_WEEKS else 0)
    axes.set_yticks(range(len(wide)), wide.index, fontsize=8)
    axes.set_title(f"Population stability index against the training window, limit {PSI_AT_MOST} and chance")
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
    _finish(axes, f"Scores of version {newest['model_version'].iloc[0]}, then and now")
    plt.close(drawn)
    return drawn


def performance_by_week(figures: pd.DataFrame) -> Figure | None:
    """Performance of weeks with mature labels, beside the alerts of all weeks; None where no week was measured."""
    if figures.empty:
        return None
    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    weeks = sorted(figures["period_start"].unique())
    labels = [f"{week:%d %b}" for week in weeks]
    for metric, style in zip(PERFORMANCE, ("o-", "s-", "^-", "d:"), strict=True):
        of = figures[figures["metric"] == metric].set_index("period_start")["value"].reindex(weeks)
        if of.notna().any():
            left.plot(labels, of.to_numpy(dtype=float), style, label=metric.replace("_", " "))
    left.set_ylim(bottom=0)
    _finish(left, "Performance, once labels are mature")
    cards = figures[figures["metric"] == "alerted_cards_per_day"].set_index("period_start").reindex(weeks)
    right.bar(labels, cards["value"].to_numpy(dtype=float), color=_REFERENCE, label="cards with an alert, a day")
    right.step(labels, cards["baseline"].to_numpy(dtype=float), where="mid", color=_MODEL, label="alert budget")
    right.set_ylabel("cards a day")
    rate = figures[figures["metric"] == "alert_rate"].set_index("period_start")["value"].reindex(weeks)
    other = right.twinx()
    other.plot(labels, 100 * rate.to_numpy(dtype=float), "o-", color=_BREACHED, label="alert rate")
    other.set(ylabel="% of transactions", ylim=(0, None))
    _finish(right, "Alerts")
    other.legend(loc="lower right", frameon=False)
    plt.close(drawn)
    return drawn


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
