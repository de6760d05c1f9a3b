"""The pictures of how a model was chosen: the search's trials, and its scores as probabilities on validation days."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import beta

from common.looks.model_plots import GENUINE, MODEL, QUIET, RULES, by_frauds, finish
from common.ml.train import Trained
from common.ml.trials import Trial

BINS = 10
CONFIDENCE = 0.95


def search(axes: Axes, trials: Sequence[Trial]) -> None:
    """Average precision of each trial in their order, its spread over the folds, and the best so far."""
    ordered = sorted(trials, key=lambda trial: trial.number)
    numbers, means = [trial.number for trial in ordered], [trial.mean for trial in ordered]
    lows, highs = ([end(trial.average_precision) for trial in ordered] for end in (min, max))
    axes.vlines(numbers, lows, highs, color=GENUINE, linewidth=4, label="lowest to highest fold")
    axes.plot(numbers, means, "o", color=MODEL, label="mean of the folds")
    axes.step(numbers, np.maximum.accumulate(means), where="post", color=RULES, label=f"best: {max(means):.3f}")
    axes.set(xlabel="trial", ylabel="average precision on validation", title="The search for parameters")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right")


def reliability(axes: Axes, judged: pd.DataFrame) -> None:
    """The share of fraud in ten groups of rising score, each with as many frauds, before and after calibration.

    `judged` has `score`, `raw_score` and `is_fraud`. The bars are exact 95 % intervals (Clopper and Pearson) of the
    share, as if transactions were independent.
    """
    for column, color, label in (("raw_score", QUIET, "before calibration"), ("score", MODEL, "calibrated")):
        points = reliability_points(judged[column].to_numpy(dtype="float64"), judged["is_fraud"].to_numpy(dtype=bool))
        if points.empty:
            continue
        bars = [points["share"] - points["low"], points["high"] - points["share"]]
        axes.errorbar(points["score"], points["share"], yerr=bars, fmt="o-", capsize=3, color=color, label=label)
    low = max(float(judged["score"].min()), 1e-5)
    axes.plot([low, 1], [low, 1], color=QUIET, linestyle=":", label="perfect")
    axes.set(
        xlabel="mean score", ylabel="share of fraud", xscale="log", yscale="log", title="Reliability on validation"
    )
    axes.legend(loc="upper left")


def reliability_points(score: np.ndarray, is_fraud: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Groups of rising score with about as many frauds each: `score` (mean), `share` of fraud, its `low` and `high`.

    Empty where there is no fraud.
    """
    if not is_fraud.any():
        return pd.DataFrame(columns=["score", "share", "low", "high"])
    groups = by_frauds(score, is_fraud, bins).groupby("bin")
    counts = groups["is_fraud"].agg(["sum", "size"])
    outside = (1 - CONFIDENCE) / 2
    return pd.DataFrame(
        {
            "score": groups["score"].mean(),
            "share": counts["sum"] / counts["size"],
            "low": beta.ppf(outside, counts["sum"], counts["size"] - counts["sum"] + 1),
            "high": beta.ppf(1 - outside, counts["sum"] + 1, counts["size"] - counts["sum"]),
        }
    ).fillna({"low": 0.0, "high": 1.0})


def choices(trained: Trained) -> dict[str, Figure]:
    """Each picture as a figure of its own, by name."""
    drawn = {name: Figure(figsize=(6.4, 4.4), layout="constrained") for name in ("search", "reliability")}
    search(drawn["search"].add_subplot(), trained.trials)
    reliability(drawn["reliability"].add_subplot(), trained.rehearsal.judged)
    for figure in drawn.values():
        finish(figure.axes[0])
    return drawn


def choices_board(trained: Trained) -> Figure:
    """Both beside each other."""
    drawn = Figure(figsize=(13, 4.6), layout="constrained")
    left, right = drawn.subplots(1, 2)
    search(left, trained.trials)
    reliability(right, trained.rehearsal.judged)
    for axes in (left, right):
        finish(axes)
    return drawn
