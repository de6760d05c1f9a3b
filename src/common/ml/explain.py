"""Why a transaction scored high, in words: the features that pushed the score up most, largest first.

Contributions are SHAP values of the trees (XGBoost's `pred_contribs`), in log-odds; they add up to the score.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xgboost as xgb

from common.contracts.gold import WINDOW_DAYS
from common.ml.booster import matrix

REASONS = 3

_LAST = {1: "day", 7: "week", 30: "month"}
_SENTENCES = {
    "amount_eur": ("{:,.2f}", "the amount itself, in euro"),
    **{
        f"{prefix}_{days}d": (form, sentence.format(span=_LAST[days]))
        for days in WINDOW_DAYS
        for prefix, form, sentence in (
            ("customer_tx_count", "{:,.0f}", "payments of this customer in the last {span}"),
            ("customer_amount_mean", "{:,.2f}", "what this customer paid on average in the last {span}, in euro"),
            (
                "terminal_tx_count",
                "{:,.0f}",
                "payments at this terminal in the {span} before reports could arrive",
            ),
            (
                "terminal_fraud_rate",
                "{:.2f}",
                "share of fraud at this terminal in the {span} before reports could arrive",
            ),
        )
    },
}
_FLAGS = {"is_weekend": ("it is not weekend", "it is weekend"), "is_night": ("it is day", "it is night")}


def sentence(feature: str, value: float) -> str:
    """A feature's value and what it means, such as `terminal_fraud_rate_7d 0.42: share of fraud at ...`."""
    if np.isnan(value):
        return f"{feature} missing: nothing is known of it for this transaction"
    if feature in _FLAGS:
        return f"{feature} {'true' if value else 'false'}: {_FLAGS[feature][int(bool(value))]}"
    form, meaning = _SENTENCES.get(feature, ("{:g}", "a feature of this transaction"))
    return f"{feature} {form.format(value)}: {meaning}"


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


def explained(booster: xgb.Booster, frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """What raises the score of the frame's only row, strongest first.

    Columns: reason (a sentence), log_odds (its SHAP value), share (of all that raises the score, 0 to 1).
    """
    [raised], [values] = contributions(booster, frame, features)[:, :-1], matrix(frame, features)
    rows = [(sentence(name, float(value)), float(by)) for name, value, by in zip(features, values, raised, strict=True)]
    table = pd.DataFrame(rows, columns=["reason", "log_odds"])
    table = table[table["log_odds"] > 0].sort_values("log_odds", ascending=False, ignore_index=True)
    return table.assign(share=table["log_odds"] / table["log_odds"].sum())
