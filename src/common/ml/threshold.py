"""The score from which a transaction is an alert, so that the fraud team gets as many cards as it can review."""

import numpy as np
import pandas as pd

from common.ml.review import card_days


def threshold_for(judged: pd.DataFrame, cards_per_day: int) -> float:
    """The threshold at which, over the frame's days, the cards with an alert are `cards_per_day` a day on average.

    `judged` has the columns of `review.JUDGED`, of days before those that the threshold will be used on. A card
    found fraudulent is blocked for the rest of the frame, as in `review`. An alert is a score above (not equal
    to) the threshold, so it never gives more cards than the budget; with ties it may give fewer.
    """
    days = card_days(judged)
    budget = cards_per_day * int(days["day"].nunique())
    if alerted_cards(days, 0.0) <= budget:
        return 0.0
    scores = np.sort(days["score"].unique())
    low, high = -1, len(scores) - 1  # nothing is above the highest score, so `high` always keeps to the budget
    while high - low > 1:
        middle = (low + high) // 2
        if alerted_cards(days, float(scores[middle])) > budget:
            low = middle
        else:
            high = middle
    return float(scores[high])


def alerted_cards(days: pd.DataFrame, threshold: float) -> int:
    """Card days of `review.card_days` with a score above the threshold, until each card is found."""
    alerts = days[days["score"] > threshold]
    found_on = alerts[alerts["has_fraud"]].groupby("card")["day"].min()
    return int((~(alerts["day"] > alerts["card"].map(found_on))).sum())
