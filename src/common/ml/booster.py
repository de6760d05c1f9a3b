"""XGBoost on the features, with few parameters chosen on a validation window.

Deterministic: no row or column sampling, a fixed seed. `base_score` stays at 0.5 and bins are fine, because a
rare event hides in the tail of an amount, which the default 256 quantiles cut off (both were measured on the
Fraud Detection Handbook's data; see benchmarks/handbook_protocol.py). Classes are not weighted, so that scores
stay probabilities.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from common.ml.metrics import average_precision

MAX_BIN = 8192
THREADS = max((os.cpu_count() or 2) // 2, 1)
"""Half the cores: with all of them, waiting for a core that Spark has at the moment costs far more than it wins."""


@dataclass(frozen=True)
class Candidate:
    """A choice of parameters: depth of trees, learning rate, number of trees."""

    max_depth: int
    learning_rate: float
    rounds: int


SHAPES = ((3, 0.1), (4, 0.1), (6, 0.1), (4, 0.3))
ROUNDS = (25, 50, 100)
SEARCH = tuple(Candidate(depth, rate, rounds) for depth, rate in SHAPES for rounds in ROUNDS)
"""The whole search: small, and declared, so that a figure can't be tuned by looking at it."""


@dataclass(frozen=True)
class Trial:
    """A candidate and its average precision on each validation window."""

    candidate: Candidate
    average_precision: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean average precision over the windows."""
        return float(np.mean(self.average_precision))


@dataclass(frozen=True)
class Split:
    """Rows to fit and rows to judge by, both with the features and `is_fraud`."""

    train: pd.DataFrame
    valid: pd.DataFrame


def matrix(frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """The model's input: the features in their order as float32, booleans as 0 and 1, missing values as NaN."""
    return np.column_stack([frame[name].to_numpy(dtype="float32", na_value=np.nan) for name in features])


def fit(train: pd.DataFrame, features: Sequence[str], candidate: Candidate, seed: int) -> xgb.Booster:
    """A booster of one candidate, trained on `is_fraud` of the rows."""
    return _fit(_quantised(train, features), candidate, seed)


def predict(booster: xgb.Booster, frame: pd.DataFrame, features: Sequence[str], rounds: int = 0) -> np.ndarray:
    """Probabilities of fraud (float64) by the first `rounds` trees; 0: by all."""
    scores = booster.inplace_predict(matrix(frame, features), iteration_range=(0, rounds))
    return np.asarray(scores, dtype="float64")


def search(
    splits: Sequence[Split],
    features: Sequence[str],
    seed: int,
    candidates: Sequence[Candidate] = SEARCH,
    report: Callable[[str], None] = lambda _: None,
) -> list[Trial]:
    """Every candidate's average precision on the splits, best mean first.

    Candidates that differ in the number of trees share one fit: its first trees are the smaller model.
    Of equal candidates the one declared first wins. `report` gets a line for each fit.
    """
    figures: dict[Candidate, list[float]] = {candidate: [] for candidate in candidates}
    shapes = list(dict.fromkeys((c.max_depth, c.learning_rate) for c in candidates))
    for split in splits:
        data = _quantised(split.train, features)
        is_fraud = split.valid["is_fraud"].to_numpy(dtype=bool)
        for depth, rate in shapes:
            mine = [c for c in candidates if (c.max_depth, c.learning_rate) == (depth, rate)]
            booster = _fit(data, Candidate(depth, rate, max(c.rounds for c in mine)), seed)
            for candidate in mine:
                scores = predict(booster, split.valid, features, candidate.rounds)
                figures[candidate].append(average_precision(is_fraud, scores))
            report(f"depth {depth}, learning rate {rate}: {max(figures[c][-1] for c in mine):.3f}")
    trials = [Trial(candidate, tuple(values)) for candidate, values in figures.items()]
    return sorted(trials, key=lambda trial: trial.mean, reverse=True)


def trials_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """The search as a table, best first."""
    return pd.DataFrame([{**asdict(t.candidate), "average_precision": t.mean} for t in trials])


def _quantised(frame: pd.DataFrame, features: Sequence[str]) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        matrix(frame, features),
        frame["is_fraud"].to_numpy(dtype="float32"),
        feature_names=list(features),
        max_bin=MAX_BIN,
    )


def _fit(data: xgb.QuantileDMatrix, candidate: Candidate, seed: int) -> xgb.Booster:
    parameters: dict[str, Any] = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": MAX_BIN,
        "base_score": 0.5,
        "max_depth": candidate.max_depth,
        "learning_rate": candidate.learning_rate,
        "seed": seed,
        "nthread": THREADS,
    }
    return xgb.train(parameters, data, num_boost_round=candidate.rounds)
