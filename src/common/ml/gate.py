"""The gate that a new model passes before anything is scored with it.

A first model must beat random scores and the rules alone. A later one must beat the champion on the same test
window by more than noise: the average precision of both is compared on resampled cards (a bootstrap: all
transactions of a card come or stay out together), and the difference must be above 0 in 95 % of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.ml.metrics import Figures

RESAMPLES = 400
CONFIDENCE = 0.95
CALIBRATION = (0.5, 2.0)
"""Limits of (frauds expected by the scores) / (frauds that there were)."""


@dataclass(frozen=True)
class Decision:
    """Whether the candidate becomes champion, and why or why not."""

    is_promoted: bool
    reason: str


@dataclass(frozen=True)
class Difference:
    """Average precision of the candidate minus that of the champion.

    `low` and `high` hold the middle 90 % of the resamples, so the true one is above `low` with 95 % confidence.
    """

    candidate: float
    champion: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the candidate is better by more than noise."""
        return self.low > 0


def unfit(judged: pd.DataFrame, candidate_features: Sequence[str], computed: Sequence[str]) -> str | None:
    """Why a candidate can't be promoted whatever its figures are; None when nothing speaks against it.

    `judged` holds the candidate's `score` and `is_fraud` on the test window.
    """
    if different := sorted(set(candidate_features) ^ set(computed)):
        return f"its features are not those computed now: {', '.join(different)}"
    scores, is_fraud = judged["score"].to_numpy(), judged["is_fraud"].to_numpy(dtype=bool)
    if not np.isfinite(scores).all():
        return "it gives scores that are not numbers"
    if not is_fraud.any():
        return "the test window has no fraud to judge it by"
    ratio = float(scores.sum() / is_fraud.sum())
    if not CALIBRATION[0] <= ratio <= CALIBRATION[1]:
        return (
            f"it is not calibrated: its scores expect {scores.sum():.0f} frauds, there were {is_fraud.sum()} "
            f"(allowed: {CALIBRATION[0]:g} to {CALIBRATION[1]:g} times as many)"
        )
    return None


def decide_first(model: Figures, random: Figures, rules: Figures) -> Decision:
    """The decision on a model when there is no champion: it must beat random scores and the rules alone."""
    text = (
        f"average precision {model.average_precision:.3f}, random {random.average_precision:.3f}, "
        f"rules alone {rules.average_precision:.3f}"
    )
    if model.average_precision <= random.average_precision:
        return Decision(False, f"not better than random scores: {text}")
    if model.average_precision <= rules.average_precision:
        return Decision(False, f"not better than the rules alone: {text}")
    return Decision(True, f"first model, better than random scores and the rules alone: {text}")


def decide(difference: Difference) -> Decision:
    """The decision on a model beside the champion."""
    text = (
        f"average precision {difference.candidate:.3f}, champion {difference.champion:.3f}, difference "
        f"{difference.low:+.3f} to {difference.high:+.3f} on resampled cards"
    )
    if difference.is_clear:
        return Decision(True, f"better than the champion by more than noise: {text}")
    return Decision(False, f"not better than the champion by more than noise: {text}")


def compare(
    judged: pd.DataFrame, candidate: np.ndarray, champion: np.ndarray, seed: int, resamples: int = RESAMPLES
) -> Difference:
    """Average precision of two scores on the same transactions, and how sure the difference is.

    `judged` has `card` and `is_fraud`; `candidate` and `champion` are scores in its order.
    """
    is_fraud = judged["is_fraud"].to_numpy(dtype="float64")
    codes, cards = pd.factorize(judged["card"])
    generator = np.random.default_rng(seed)
    ours, theirs = _Ranked(candidate, is_fraud), _Ranked(champion, is_fraud)
    differences = []
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(0, len(cards), len(cards)), minlength=len(cards))
        weight = drawn[codes].astype("float64")
        differences.append(ours.average_precision(weight) - theirs.average_precision(weight))
    ones = np.ones(len(is_fraud))
    low, high = np.quantile(differences, (1 - CONFIDENCE, CONFIDENCE))
    return Difference(ours.average_precision(ones), theirs.average_precision(ones), float(low), float(high))


class _Ranked:
    """Scores sorted once, so that average precision with many different weights is a few cumulative sums."""

    def __init__(self, scores: np.ndarray, is_fraud: np.ndarray) -> None:
        self._order = np.argsort(-scores, kind="stable")
        falling = scores[self._order]
        self._last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        self._is_fraud = is_fraud[self._order]

    def average_precision(self, weight: np.ndarray) -> float:
        """Weighted area under the precision-recall steps; 0 where no fraud has weight."""
        sorted_weight = weight[self._order]
        everything = np.cumsum(sorted_weight)[self._last_of_tie]
        frauds = np.cumsum(sorted_weight * self._is_fraud)[self._last_of_tie]
        if frauds[-1] == 0:
            return 0.0
        precision = np.divide(frauds, everything, out=np.zeros_like(frauds), where=everything > 0)
        return float(np.sum(np.diff(frauds, prepend=0.0) * precision) / frauds[-1])
