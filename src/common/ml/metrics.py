"""The figures of a model on a window of judged transactions, and those of the baselines beside it.

They are those that have intervals (`bootstrap.figures_of`), each transaction counted once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from common.ml.bootstrap import figures_of
from common.ml.weighted import Ranked

RANDOM_DRAWS = 10

OF_THE_WINDOW = ("fraud_eur", "transactions", "frauds", "cards_per_day")
"""Figures that are the same for all ways of scoring a window."""


@dataclass(frozen=True)
class Figures:
    """Figures of one way of scoring on one window.

    `average_precision` and `auc_roc` are 0 and 0.5 where the window has no fraud or nothing else.
    `brier` is the mean squared error of the score as a probability. `fraud_eur` is the
    amount of all frauds. For the rest see `weighted.WeightedReview`.
    """

    average_precision: float
    auc_roc: float
    card_precision: float
    recall: float
    saved_eur: float
    fraud_eur: float
    brier: float
    transactions: int
    frauds: int
    cards_per_day: int

    def as_dict(self) -> dict[str, float]:
        """The figures by name, for MLflow and for tables."""
        return {name: float(value) for name, value in asdict(self).items()}


def evaluate(judged: pd.DataFrame, cards_per_day: int) -> Figures:
    """The figures of a frame with the columns of `review.JUDGED`."""
    is_fraud = judged["is_fraud"].to_numpy(dtype=bool)
    once, figures = np.ones(len(judged)), figures_of(judged, cards_per_day)
    return Figures(
        average_precision=figures["average_precision"](once),
        auc_roc=figures["auc_roc"](once),
        card_precision=figures["card_precision"](once),
        recall=figures["recall"](once),
        saved_eur=figures["saved_eur"](once),
        fraud_eur=float(judged["amount_eur"].fillna(0.0)[is_fraud].sum()),
        brier=figures["brier"](once),
        transactions=len(judged),
        frauds=int(is_fraud.sum()),
        cards_per_day=cards_per_day,
    )


def average_precision(is_fraud: np.ndarray, score: np.ndarray) -> float:
    """Area under the precision-recall steps, tied scores taken together; 0 where there is no fraud."""
    return Ranked(np.asarray(score), np.asarray(is_fraud)).average_precision(np.ones(len(score)))


def auc_roc(is_fraud: np.ndarray, score: np.ndarray) -> float:
    """The chance that a fraud scores above a genuine transaction; 0.5 where there is only one kind."""
    return Ranked(np.asarray(score), np.asarray(is_fraud)).auc_roc(np.ones(len(score)))


def random_baseline(judged: pd.DataFrame, cards_per_day: int, seed: int) -> Figures:
    """The figures of random scores, as the mean of some draws."""
    generator = np.random.default_rng(seed)
    draws = [
        evaluate(judged.assign(score=generator.random(len(judged))), cards_per_day).as_dict()
        for _ in range(RANDOM_DRAWS)
    ]
    mean = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
    counts = {name: int(mean.pop(name)) for name in ("transactions", "frauds", "cards_per_day")}
    return Figures(**mean, **counts)  # type: ignore[arg-type]


def rules_baseline(judged: pd.DataFrame, rules_hit: "pd.Series[int]", cards_per_day: int) -> Figures:
    """The figures of the rules alone: the score is how many of them fired, scaled to 0 to 1."""
    most = max(int(rules_hit.max()), 1) if len(rules_hit) else 1
    return evaluate(judged.assign(score=rules_hit.astype("float64") / most), cards_per_day)


def comparison(figures: Mapping[str, Figures]) -> pd.DataFrame:
    """The figures side by side, one row each, best average precision first."""
    columns = ["average_precision", "auc_roc", "card_precision", "recall", "saved_eur", "brier"]
    frame = pd.DataFrame({name: values.as_dict() for name, values in figures.items()}).T[columns]
    return frame.sort_values("average_precision", ascending=False)
