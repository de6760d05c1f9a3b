"""The fraud team's day: a budget of k cards to review, spent on those with the highest scores.

Card precision at k is the Fraud Detection Handbook's (chapter 4.5): of each day's cards, those with the highest
score of any of their transactions are reviewed; precision is the share of the k that had fraud that day (also on a day
with fewer cards), and its mean over the days is the figure. A card found fraudulent is blocked, and is not reviewed
again.
"""

import pandas as pd

JUDGED = ("event_time", "card", "amount_eur", "is_fraud", "score")
"""The columns of a frame of judged transactions, which the functions of this module and of `metrics` take."""


def card_of(frame: pd.DataFrame) -> "pd.Series[str]":
    """The card of each transaction: the account, or the customer where there is none.

    A transaction with neither is a card of its own, named by its transaction_id.
    """
    known = frame["account_id"].astype(object).combine_first(frame["customer_id"].astype(object))
    return known.combine_first(frame["transaction_id"].astype(object)).astype(str)


def card_days(judged: pd.DataFrame) -> pd.DataFrame:
    """One row a card and day: its highest score, whether it had fraud, frauds and their amount in euro.

    Sorted as they would be reviewed: by day, then by falling score. Ties are in an arbitrary but fixed order (a
    hash of card and day), so that a score with few values, such as a rule's, is not helped by the order of ids.
    """
    fraud_eur = judged["amount_eur"].fillna(0.0).where(judged["is_fraud"], 0.0)
    rows = pd.DataFrame(
        {
            "day": judged["event_time"].dt.floor("D"),
            "card": judged["card"],
            "score": judged["score"],
            "frauds": judged["is_fraud"].astype("int64"),
            "fraud_eur": fraud_eur.astype("float64"),
        }
    )
    days = rows.groupby(["day", "card"], as_index=False, sort=False).agg(
        score=("score", "max"), frauds=("frauds", "sum"), fraud_eur=("fraud_eur", "sum")
    )
    order = pd.util.hash_pandas_object(days[["day", "card"]], index=False)
    return (
        days.assign(has_fraud=days["frauds"] > 0, order=order)
        .sort_values(["day", "score", "order"], ascending=[True, False, True])
        .drop(columns="order")
        .reset_index(drop=True)
    )


def reviewed(days: pd.DataFrame, cards_per_day: int) -> pd.DataFrame:
    """The card days of `card_days` with two more columns.

    `is_blocked`: the card was found on an earlier day. `is_reviewed`: it is among the day's first
    `cards_per_day` that are not blocked.
    """
    found: set[str] = set()
    parts = []
    for _, day in days.groupby("day", sort=True):
        is_blocked = day["card"].isin(found)
        is_reviewed = (~is_blocked).cumsum().le(cards_per_day) & ~is_blocked
        found.update(day.loc[is_reviewed & day["has_fraud"], "card"])
        parts.append(day.assign(is_blocked=is_blocked, is_reviewed=is_reviewed))
    if not parts:
        return days.assign(is_blocked=False, is_reviewed=False)
    return pd.concat(parts)
