"""What the model is compared with: ways of scoring that are simpler, or were published. Each is fitted fold by fold."""

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.handbook.protocol import SEED
from common.contracts.features import PAYMENT, SPENDING, TERMINAL
from common.ml.booster import THREADS, Split, matrix
from common.ml.metrics import average_precision
from common.rules.declared import RULES

PUBLISHED = {"average_precision": 0.694, "auc_roc": 0.872, "card_precision": 0.304}
"""Of XGBoost, by the Handbook's chapter 5, section on model selection, on its protocol."""

HANDBOOK_FEATURES = tuple(
    feature.name
    for feature in (*PAYMENT, *SPENDING, *TERMINAL)
    if feature.name != "customer_hours_since_last"
    and (feature not in TERMINAL or feature.name.startswith(("terminal_tx_count", "terminal_fraud_rate")))
)
"""The 15 of its chapter 3."""

_DEPTHS, _RATES, _TREES = (3, 6, 9), (0.1, 0.3), (25, 50, 100)
"""The grid of its chapter 5."""


def random_scores(folds: Sequence[Split]) -> list[np.ndarray]:
    """Scores of chance."""
    generator = np.random.default_rng(SEED)
    return [generator.random(len(split.valid)) for split in folds]


def amounts(folds: Sequence[Split]) -> list[np.ndarray]:
    """The amount as the score."""
    return [split.valid["amount_eur"].to_numpy() for split in folds]


def rules(folds: Sequence[Split]) -> Mapping[str, list[np.ndarray]]:
    """By the name of a rule whether it fires; of the rules that these data can feed.

    The conditions are SQL; here SQLite evaluates them, which has all that those rules use.
    """
    found: dict[str, list[np.ndarray]] = {}
    with sqlite3.connect(":memory:") as database:
        for number, split in enumerate(folds):
            split.valid.select_dtypes("number").reset_index(drop=True).to_sql(f"fold_{number}", database)
        for rule in RULES:
            try:
                found[rule.name] = [
                    pd.read_sql(
                        f'SELECT coalesce({rule.condition}, 0) AS fires FROM fold_{number} ORDER BY "index"', database
                    )["fires"].to_numpy(dtype="float64")
                    for number in range(len(folds))
                ]
            except pd.errors.DatabaseError as error:
                if "no such column" not in str(error):
                    raise
    return found


def logistic(folds: Sequence[Split], features: Sequence[str]) -> list[np.ndarray]:
    """Logistic regression on standardised features; a missing one is the mean, and has an indicator."""
    scores = []
    for split in folds:
        model = make_pipeline(
            SimpleImputer(add_indicator=True), StandardScaler(copy=False), LogisticRegression(max_iter=200)
        )
        with threadpool_limits(1):  # threads of BLAS wait for each other on a busy machine
            model.fit(matrix(split.train, features), split.train["is_fraud"].to_numpy())
        scores.append(model.predict_proba(matrix(split.valid, features))[:, 1])
    return scores


def handbook_grid(folds: Sequence[Split]) -> Mapping[tuple[int, float, int], float]:
    """Mean average precision over the folds of each point (depth, learning rate, trees) of the Handbook's grid."""
    found: dict[tuple[int, float, int], list[float]] = {}
    for split in folds:
        is_fraud = split.valid["is_fraud"].to_numpy()
        for depth in _DEPTHS:
            for rate in _RATES:
                booster = _plain_xgboost(split, depth, rate, max(_TREES))
                for trees in _TREES:
                    score = booster.inplace_predict(matrix(split.valid, HANDBOOK_FEATURES), iteration_range=(0, trees))
                    found.setdefault((depth, rate, trees), []).append(average_precision(is_fraud, np.asarray(score)))
    return {point: float(np.mean(values)) for point, values in found.items()}


def as_published(folds: Sequence[Split], point: tuple[int, float, int]) -> list[np.ndarray]:
    """XGBoost on the Handbook's features at a point of its grid."""
    return [
        np.asarray(_plain_xgboost(split, *point).inplace_predict(matrix(split.valid, HANDBOOK_FEATURES)))
        for split in folds
    ]


def _plain_xgboost(split: Split, depth: int, rate: float, trees: int) -> xgb.Booster:
    """With what were XGBoost's defaults when the Handbook was written: exact splits, and a base score of 0.5."""
    data = xgb.DMatrix(matrix(split.train, HANDBOOK_FEATURES), split.train["is_fraud"].to_numpy(dtype="float32"))
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "exact",
        "base_score": 0.5,
        "max_depth": depth,
        "learning_rate": rate,
        "seed": SEED,
        "nthread": THREADS,
    }
    return xgb.train(parameters, data, num_boost_round=trees)
