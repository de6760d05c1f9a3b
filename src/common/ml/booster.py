"""XGBoost on the features: how a booster is fitted, and what it makes of rows.

Deterministic: rows and columns that a candidate samples are drawn from the seed and the number of the tree, so that
a booster is the same wherever and beside whatever it was fitted. `base_score` stays at 0.5 and bins are fine, because
a rare event hides in the tail of an amount, which the default 256 quantiles cut off (both were measured on the Fraud
Detection Handbook's data; see docs/model.md).

Frauds are few, and get no weight for it. Weights (`scale_pos_weight`) multiply the odds of every row alike: they
change no ranking that trees of the same depth could not make, brought nothing on the Handbook's data, and the scores
would not be probabilities any more. What the rareness of fraud does need is done where it bites: fine bins, average
precision rather than accuracy to choose by, and a threshold from the work that there are people for.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

MAX_BIN = 8192
THREADS = max((os.cpu_count() or 2) // 2, 1)
"""Half the cores: with all of them, waiting for a core that Spark has at the moment costs far more than it wins."""


@dataclass(frozen=True)
class Candidate:
    """Parameters by XGBoost's own names; `rounds` is the number of trees."""

    max_depth: int
    learning_rate: float
    rounds: int
    min_child_weight: float = 1.0
    reg_lambda: float = 1.0
    gamma: float = 0.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0

    @property
    def samples(self) -> bool:
        """Whether trees see a part of the rows or columns only, so that another seed makes other trees."""
        return self.subsample < 1 or self.colsample_bytree < 1


@dataclass(frozen=True)
class Split:
    """Rows to fit and rows to judge by, both with the features and `is_fraud`."""

    train: pd.DataFrame
    valid: pd.DataFrame


def matrix(frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """The model's input: the features in their order as float32, booleans as 0 and 1, missing values as NaN.

    What is infinite, or too large for a float32, is missing too, in training as in scoring: XGBoost refuses such
    numbers, and one of them may not stop a stream.
    """
    with np.errstate(over="ignore"):
        values = np.column_stack([frame[name].to_numpy(dtype="float32", na_value=np.nan) for name in features])
    values[np.isinf(values)] = np.nan
    return values


def quantised(frame: pd.DataFrame, features: Sequence[str]) -> xgb.QuantileDMatrix:
    """The rows and their `is_fraud` as XGBoost trains on them; made once for many fits."""
    return xgb.QuantileDMatrix(
        matrix(frame, features),
        frame["is_fraud"].to_numpy(dtype="float32"),
        feature_names=list(features),
        max_bin=MAX_BIN,
    )


def xgboost_parameters(candidate: Candidate, seed: int) -> dict[str, Any]:
    """What XGBoost is given, all but the number of trees."""
    chosen = {name: value for name, value in asdict(candidate).items() if name != "rounds"}
    return {
        **chosen,
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": MAX_BIN,
        "base_score": 0.5,
        "seed": seed,
        "seed_per_iteration": True,  # else the draws of boosters that are fitted in turns would depend on each other
        "nthread": THREADS,
    }


def fit(train: pd.DataFrame, features: Sequence[str], candidate: Candidate, seed: int) -> xgb.Booster:
    """A booster of one candidate, trained on `is_fraud` of the rows."""
    return fit_quantised(quantised(train, features), candidate, seed)


def fit_quantised(data: xgb.QuantileDMatrix, candidate: Candidate, seed: int) -> xgb.Booster:
    """The same from `quantised` rows."""
    return xgb.train(xgboost_parameters(candidate, seed), data, num_boost_round=candidate.rounds)


def predict(booster: xgb.Booster, frame: pd.DataFrame, features: Sequence[str], rounds: int = 0) -> np.ndarray:
    """Probabilities of fraud (float64) by the first `rounds` trees; 0: by all."""
    scores = booster.inplace_predict(matrix(frame, features), iteration_range=(0, rounds))
    return np.asarray(scores, dtype="float64")


def log_odds(booster: xgb.Booster, rows: np.ndarray, rounds: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Log-odds of fraud (float64) for rows of `matrix`, by the trees of [first, end); (0, 0): by all."""
    margin = booster.inplace_predict(rows, iteration_range=rounds, predict_type="margin")
    return np.asarray(margin, dtype="float64")
