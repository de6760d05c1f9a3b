"""The pictures of a model: each has a title that says what it shows, and can be drawn alone or on the board."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import precision_recall_curve, roc_curve

from common.ml.metrics import auc_roc, average_precision
from common.ml.review import card_days, reviewed
from common.ml.train import Trained

MODEL, RULES, GENUINE, QUIET = "#1f4e79", "#e07b39", "#9db8d2", "#8a8f98"
BUDGETS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200)
CALIBRATION_BINS = 9
SHOWN_FEATURES = 15


@dataclass(frozen=True)
class Pictured:
    """What is drawn: the test window judged by the model (`review.JUDGED`, and `rules_hit` as a number), the gain
    of each feature (share of the whole, 0 to 1), the threshold and the alert budget.
    """

    judged: pd.DataFrame
    importance: "pd.Series[float]"
    threshold: float
    cards_per_day: int

    @property
    def is_fraud(self) -> np.ndarray:
        """The labels."""
        return self.judged["is_fraud"].to_numpy(dtype=bool)

    @property
    def score(self) -> np.ndarray:
        """The model's scores."""
        return self.judged["score"].to_numpy(dtype="float64")


def pictured(trained: Trained) -> Pictured:
    """What is drawn of a trained model."""
    return Pictured(trained.judged, trained.importance, trained.model.threshold, trained.model.cards_per_day)


def precision_recall(axes: Axes, pictured: Pictured) -> None:
    """Precision against recall, of the model and as a dot of the rules alone."""
    precision, recall, _ = precision_recall_curve(pictured.is_fraud, pictured.score)
    area = average_precision(pictured.is_fraud, pictured.score)
    axes.step(recall, precision, where="post", color=MODEL, label=f"model, average precision {area:.3f}")
    axes.fill_between(recall, precision, step="post", color=MODEL, alpha=0.08)
    fired = pictured.judged["rules_hit"].to_numpy() > 0
    if fired.any():
        hits = (fired & pictured.is_fraud).sum()
        axes.plot(hits / pictured.is_fraud.sum(), hits / fired.sum(), "o", color=RULES, label="rules alone")
    axes.axhline(pictured.is_fraud.mean(), color=QUIET, linestyle=":", label="random")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03), title="Precision and recall")
    axes.legend(loc="lower left")


def roc(axes: Axes, pictured: Pictured) -> None:
    """True against false positive rate."""
    false_rate, true_rate, _ = roc_curve(pictured.is_fraud, pictured.score)
    area = auc_roc(pictured.is_fraud, pictured.score)
    axes.plot(false_rate, true_rate, color=MODEL, label=f"model, area {area:.3f}")
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", label="random")
    axes.set(
        xlabel="genuine transactions above the score",
        ylabel="frauds above the score",
        xlim=(0, 1),
        ylim=(0, 1.03),
        title="ROC curve",
    )
    axes.legend(loc="lower right")


def score_distribution(axes: Axes, pictured: Pictured) -> None:
    """How scores spread over genuine and fraudulent transactions, counts on a log scale."""
    bins = np.linspace(0, 1, 41).tolist()
    axes.hist(pictured.score[~pictured.is_fraud], bins=bins, color=GENUINE, label="genuine")
    axes.hist(pictured.score[pictured.is_fraud], bins=bins, color=RULES, alpha=0.75, label="fraud")
    axes.axvline(pictured.threshold, color=MODEL, linestyle="--", label=f"threshold {pictured.threshold:.3f}")
    axes.set(xlabel="score", ylabel="transactions", yscale="log", xlim=(0, 1), title="Scores")
    axes.legend(loc="upper right")


def importance(axes: Axes, pictured: Pictured) -> None:
    """The features that have the largest shares of the trees' gain, largest on top."""
    shares = pictured.importance.nlargest(SHOWN_FEATURES).sort_values()
    axes.barh(shares.index.tolist(), shares.to_numpy(), color=MODEL)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlabel="share of gain", title="What the trees look at")


def by_frauds(scores: np.ndarray, is_fraud: np.ndarray, bins: int) -> pd.DataFrame:
    """`score` and `is_fraud` (0 or 1) by rising score, and each one's `bin`: bins have about as many frauds each."""
    order = np.argsort(scores, kind="stable")
    frauds = is_fraud[order].astype("int64")
    before = np.cumsum(frauds) - frauds
    numbers = np.minimum(before * bins // max(int(frauds.sum()), 1), bins - 1)
    return pd.DataFrame({"score": scores[order], "is_fraud": frauds, "bin": numbers})


def calibration(axes: Axes, pictured: Pictured) -> None:
    """The share of fraud among transactions of similar score, both on log scales."""
    edges = np.geomspace(1e-3, 1.0, CALIBRATION_BINS + 1)[1:-1]
    bins = np.digitize(pictured.score, edges)
    points = pd.DataFrame({"score": pictured.score, "is_fraud": pictured.is_fraud}).groupby(bins).mean()
    floor = max(float(points.to_numpy()[points.to_numpy() > 0].min(initial=1.0)) / 2, 1e-6)
    axes.plot([floor, 1], [floor, 1], color=QUIET, linestyle=":", label="perfect")
    axes.plot(points["score"], points["is_fraud"].clip(lower=floor), "o-", color=MODEL, label="model")
    axes.set(xlabel="mean score", ylabel="share of fraud", xscale="log", yscale="log", title="Calibration")
    axes.legend(loc="upper left")


def caught_by_budget(axes: Axes, pictured: Pictured) -> None:
    """The share of frauds caught against the cards reviewed a day, by the model and by the rules alone."""
    rivals = {"model": ("score", MODEL), "rules alone": ("rules_hit", RULES)}
    _caught_curves(axes, pictured.judged, rivals, pictured.cards_per_day)


def compared(judged: pd.DataFrame, rivals: Mapping[str, tuple[str, str]], cards_per_day: int) -> Figure:
    """Several scores of the same transactions: precision and recall, and fraud caught against work.

    `rivals`: by name, the column of `judged` that holds the score, and a colour.
    """
    drawn = Figure(figsize=(13, 4.8), layout="constrained")
    left, right = drawn.subplots(1, 2)
    is_fraud = judged["is_fraud"].to_numpy(dtype=bool)
    for name, (column, color) in rivals.items():
        scores = judged[column].to_numpy(dtype="float64")
        precision, recall, _ = precision_recall_curve(is_fraud, scores)
        area = average_precision(is_fraud, scores)
        left.step(recall, precision, where="post", color=color, label=f"{name}, average precision {area:.3f}")
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03), title="Precision and recall")
    left.legend(loc="lower left")
    _caught_curves(right, judged, rivals, cards_per_day)
    for axes in (left, right):
        finish(axes)
    return drawn


def _caught_curves(axes: Axes, judged: pd.DataFrame, rivals: Mapping[str, tuple[str, str]], cards_per_day: int) -> None:
    for name, (column, color) in rivals.items():
        days = card_days(judged.assign(score=judged[column]))
        caught = [_caught(reviewed(days, budget)) for budget in BUDGETS]
        axes.plot(BUDGETS, caught, "o-", markersize=3, color=color, label=name)
    axes.axvline(cards_per_day, color=QUIET, linestyle="--", label=f"budget {cards_per_day}")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(
        xlabel="cards reviewed a day",
        ylabel="frauds caught",
        xscale="log",
        ylim=(0, 1.03),
        title="Fraud caught against work",
    )
    axes.set_xticks([1, 3, 10, 30, 100], labels=["1", "3", "10", "30", "100"])
    axes.legend(loc="lower right")


def _caught(rows: pd.DataFrame) -> float:
    caught = rows.loc[rows["is_reviewed"] | rows["is_blocked"], "frauds"].sum()
    return float(caught / max(rows["frauds"].sum(), 1))


PICTURES: dict[str, Callable[[Axes, Pictured], None]] = {
    "precision_recall": precision_recall,
    "roc": roc,
    "score_distribution": score_distribution,
    "importance": importance,
    "calibration": calibration,
    "fraud_caught": caught_by_budget,
}


def figure(name: str, pictured: Pictured) -> Figure:
    """One picture of `PICTURES` as a figure of its own."""
    drawn = Figure(figsize=(6.4, 4.4), layout="constrained")
    _draw(drawn.add_subplot(), name, pictured)
    return drawn


def figures(trained: Trained) -> dict[str, Figure]:
    """Every picture of a trained model, each as a figure of its own, by name."""
    return {name: figure(name, pictured(trained)) for name in PICTURES}


def board(pictured: Pictured, title: str) -> Figure:
    """All pictures on one figure, two rows of three."""
    drawn = Figure(figsize=(16, 9), layout="constrained")
    drawn.suptitle(title, fontsize=14, x=0.01, ha="left", fontweight="bold")
    for axes, name in zip(drawn.subplots(2, 3).flat, PICTURES, strict=True):
        _draw(axes, name, pictured)
    return drawn


def _draw(axes: Axes, name: str, pictured: Pictured) -> None:
    PICTURES[name](axes, pictured)
    finish(axes)


def finish(axes: Axes) -> None:
    """The look that all pictures have in common."""
    axes.title.set_fontweight("bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    if legend := axes.get_legend():
        legend.set_frame_on(False)
