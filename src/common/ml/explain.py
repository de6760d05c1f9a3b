"""Why a transaction scored high, in words: the features that pushed the score up most, largest first.

Contributions are SHAP values of the trees (XGBoost's `pred_contribs`), in log-odds; they add up to the score.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xgboost as xgb

from common.contracts.features import BY_NAME
from common.ml.booster import matrix

REASONS = 3


def sentence(feature: str, value: float) -> str:
    """What a feature's value means, in words; a feature that isn't declared any more gives its name and value."""
    declared = BY_NAME.get(feature)
    return declared.words(value) if declared else f"{feature} is {value:g}"


def contributions(booster: xgb.Booster, frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """SHAP values in log-odds, one row a transaction, one column a feature and last the bias."""
    data = xgb.DMatrix(matrix(frame, features), feature_names=list(features))
    return np.asarray(booster.predict(data, pred_contribs=True))


def reasons(
    booster: xgb.Booster, frame: pd.DataFrame, features: Sequence[str], limit: int = REASONS
) -> list[list[str]]:
    """For each row up to `limit` sentences on the features that raise its score, the strongest first."""
    if frame.empty:
        return []
    raised = contributions(booster, frame, features)[:, :-1]
    values = matrix(frame, features)
    order = np.argsort(-raised, axis=1, kind="stable")[:, :limit]
    return [
        [sentence(features[column], float(values[row, column])) for column in columns if raised[row, column] > 0]
        for row, columns in enumerate(order)
    ]
