"""The score from which an alert is worth its review: by euro, beside `threshold`, which goes by the alert budget."""

import numpy as np
import pandas as pd

from common.ml.review import card_days

CENT = 0.005
"""Half of one: sums in a different order differ by less, and no real amounts do."""


def threshold_by_costs(judged: pd.DataFrame, cards_per_day: int, review_cost_eur: float) -> float:
    """The threshold at which the fraud caught, less the cost of reviewing, is most euro on the frame's days.

    `judged` has the columns of `review.JUDGED`. A card above the threshold is reviewed once a day at
    `review_cost_eur`; one found fraudulent is blocked for the rest of the frame, as in `review`: its frauds of that
    day and of those after it are caught. Only thresholds count that give no more cards than the alert budget. Of
    equal ones the highest is taken, which gives the fewest alerts.
    """
    days = card_days(judged)
    if days.empty:
        return 0.0
    budget = cards_per_day * int(days["day"].nunique())
    table = euro_by_threshold(days, review_cost_eur)
    allowed = table[table["alerts"] <= budget]
    gain = allowed["saved_eur"] - allowed["review_eur"]
    return float(allowed.loc[gain > gain.max() - CENT, "threshold"].max())


def euro_by_threshold(days: pd.DataFrame, review_cost_eur: float) -> pd.DataFrame:
    """For each threshold that makes a difference (0 and the scores), rising: alerts, saved_eur and review_eur.

    `days` are the card days of `review.card_days`. Their cards do not compete for places, so each card day changes
    the sums at two thresholds alone. It is caught below its own score, and below the best score of an earlier day on
    which its card had fraud, as then the card was found before. It is an alert, and paid for, from the latter up to
    the former.
    """
    ordered = days.sort_values(["card", "day"])
    own = ordered["score"].to_numpy(dtype="float64")
    of_fraud = ordered["score"].where(ordered["has_fraud"], -np.inf)
    earlier = of_fraud.groupby(ordered["card"]).cummax().groupby(ordered["card"]).shift(fill_value=-np.inf)
    found_below = earlier.to_numpy(dtype="float64")
    thresholds = np.unique(np.append(own, 0.0))
    thresholds = thresholds[thresholds >= 0]
    is_alert = found_below < own
    alerts = _sum_above(own[is_alert], thresholds) - _sum_above(found_below[is_alert], thresholds)
    saved = _sum_above(np.maximum(own, found_below), thresholds, ordered["fraud_eur"].to_numpy(dtype="float64"))
    return pd.DataFrame(
        {"threshold": thresholds, "alerts": alerts, "saved_eur": saved, "review_eur": alerts * review_cost_eur}
    )


def _sum_above(values: np.ndarray, thresholds: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """For each threshold the sum of the weights (1 where there are none) of the values above it."""
    order = np.argsort(values)
    sums = np.append(0.0, np.cumsum(np.ones(len(values)) if weights is None else weights[order]))
    return np.asarray(sums[-1] - sums[np.searchsorted(values[order], thresholds, side="right")])
