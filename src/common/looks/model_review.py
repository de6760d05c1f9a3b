"""Pictures of two models side by side, for a person who must approve one: curves, reliability, slices, importance."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import precision_recall_curve

from common.looks.model_plots import CALIBRATION_BINS, MODEL, QUIET, SHOWN_FEATURES, by_frauds, finish
from common.ml.evidence import Evidence
from common.ml.metrics import average_precision
from common.ml.model_review import importances, slices_table

RIVAL = "#6b9e4a"


def review_board(evidence: Evidence, name: str) -> Figure:
    """The four pictures on one figure; `name` is the reviewed model's."""
    drawn = Figure(figsize=(14, 10), layout="constrained")
    (curves, reliable), (parts, features) = drawn.subplots(2, 2)
    precision_recall(curves, evidence, name)
    reliability(reliable, evidence, name)
    slices(parts, slices_table(evidence), evidence.rival_name)
    models = {name: evidence.model} | ({evidence.rival_name: evidence.rival} if evidence.rival else {})
    importance(features, importances(models))
    for axes in (curves, reliable, parts, features):
        finish(axes)
    return drawn


def precision_recall(axes: Axes, evidence: Evidence, name: str) -> None:
    """Precision against recall of both."""
    is_fraud = evidence.judged["is_fraud"].to_numpy(dtype=bool)
    for label, column, color in _both(evidence, name):
        scores = evidence.judged[column].to_numpy(dtype="float64")
        precision, recall, _ = precision_recall_curve(is_fraud, scores)
        area = average_precision(is_fraud, scores)
        axes.step(recall, precision, where="post", color=color, label=f"{label}, average precision {area:.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03), title="Precision and recall")
    axes.legend(loc="upper right")


def reliability(axes: Axes, evidence: Evidence, name: str) -> None:
    """Share of fraud against mean score, in bins of equal numbers of frauds; of the rules it has no meaning."""
    is_fraud = evidence.judged["is_fraud"].to_numpy(dtype=bool)
    for label, column, color in _both(evidence, name):
        if column == "score" or evidence.rival:
            points = reliability_points(evidence.judged[column].to_numpy(dtype="float64"), is_fraud)
            axes.plot(points["score"], points["is_fraud"], "o-", color=color, label=label)
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", label="perfect")
    axes.set(xlabel="mean score", ylabel="share of fraud", xlim=(0, 1), ylim=(0, 1), title="Calibration")
    axes.legend(loc="upper left")


def reliability_points(scores: np.ndarray, is_fraud: np.ndarray) -> pd.DataFrame:
    """Mean `score` and share `is_fraud` of bins by rising score that have about as many frauds each."""
    return by_frauds(scores, is_fraud, CALIBRATION_BINS).groupby("bin").mean()


def slices(axes: Axes, table: pd.DataFrame, rival: str) -> None:
    """The difference in average precision on each large slice, with its interval."""
    names = [f"{by}: {name} ({frauds:,})" for by, name, frauds in table[["by", "slice", "frauds"]].to_numpy()]
    middle = (table["average precision"] - table["of the rival"]).to_numpy(dtype="float64")
    ends = np.clip([middle - table["low"].to_numpy(), table["high"].to_numpy() - middle], 0.0, None)
    axes.errorbar(middle, range(len(names)), xerr=ends, fmt="o", color=MODEL, ecolor=MODEL)
    axes.axvline(0, color=QUIET, linestyle=":")
    axes.set_yticks(range(len(names)), labels=names)
    axes.invert_yaxis()
    title = "Average precision by slice (frauds)" if names else "No slice is large enough to be judged"
    axes.set(xlabel=f"above {rival}", title=title)


def importance(axes: Axes, shares: pd.DataFrame) -> None:
    """The features with the largest shares of gain in any of the models."""
    largest = shares.loc[shares.max(axis="columns").sort_values().index[-SHOWN_FEATURES:]]
    colors: Any = [MODEL, RIVAL][: len(shares.columns)]
    largest.plot.barh(ax=axes, color=colors)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlabel="share of gain", title="What the trees look at")


def _both(evidence: Evidence, name: str) -> tuple[tuple[str, str, str], ...]:
    return (name, "score", MODEL), (evidence.rival_name, "rival_score", RIVAL)
