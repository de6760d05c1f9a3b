"""How many trees: they are grown on all validation folds in step, until their mean average precision gets no better.

One number of trees for all folds, chosen by their mean, is what the final model is then trained with.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xgboost as xgb

from common.ml.booster import Candidate, Split, log_odds, matrix, quantised, xgboost_parameters
from common.ml.metrics import average_precision

STEP = 5
"""Trees between two looks at average precision."""

PATIENCE = 30
"""Trees without a better one before growing stops."""

MAX_ROUNDS = 300


@dataclass(frozen=True)
class Course:
    """A split as the search needs it, prepared once for all trials."""

    train: xgb.QuantileDMatrix
    valid: np.ndarray
    is_fraud: np.ndarray


def prepared(split: Split, features: Sequence[str]) -> Course:
    """The split, quantised."""
    is_fraud = split.valid["is_fraud"].to_numpy(dtype=bool)
    return Course(quantised(split.train, features), matrix(split.valid, features), is_fraud)


def grown(
    courses: Sequence[Course], candidate: Candidate, seed: int, until: float = float("inf")
) -> tuple[Candidate, tuple[float, ...]]:
    """The candidate with the number of trees that is best on the mean of the folds, and its figure on each.

    Args:
        courses: the folds.
        candidate: of which `rounds` is the most trees to grow.
        seed: of the sampling.
        until: a moment of `time.monotonic` at which growing stops, after one look at least.

    """
    boosters = [xgb.Booster(xgboost_parameters(candidate, seed), [course.train]) for course in courses]
    margins = [np.zeros(len(course.valid)) for course in courses]
    best, figures = 0, tuple(-1.0 for _ in courses)
    for seen in range(0, candidate.rounds, STEP):
        rounds = min(seen + STEP, candidate.rounds)
        for number, (booster, course) in enumerate(zip(boosters, courses, strict=True)):
            for tree in range(seen, rounds):
                booster.update(course.train, tree)
            # Of the new trees alone: base_score 0.5 adds log-odds of 0 each time.
            margins[number] += log_odds(booster, course.valid, (seen, rounds))
        now = tuple(average_precision(c.is_fraud, margin) for c, margin in zip(courses, margins, strict=True))
        if np.mean(now) > np.mean(figures):
            best, figures = rounds, now
        if rounds - best >= PATIENCE or time.monotonic() > until:
            break
    return replace(candidate, rounds=best), figures
