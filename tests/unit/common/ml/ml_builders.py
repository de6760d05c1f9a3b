"""Builders for the tests of `common.ml`: small worlds of transactions with features, labels and scores."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from common.contracts.features import FEATURE_NAMES
from common.ml.review import card_of
from common.ml.window import Window

START = datetime(2030, 1, 1, tzinfo=UTC)


def day(number: int, hour: int = 12) -> datetime:
    """A moment of the world's day of that number (0 is its first)."""
    return START + timedelta(days=number, hours=hour)


def judged(*rows: tuple[int, str, float, bool] | tuple[int, str, float, bool, float]) -> pd.DataFrame:
    """Judged transactions from (day, card, score, is_fraud[, amount in euro])."""
    return pd.DataFrame(
        {
            "event_time": [day(row[0]) for row in rows],
            "card": [row[1] for row in rows],
            "score": [float(row[2]) for row in rows],
            "is_fraud": [bool(row[3]) for row in rows],
            "amount_eur": [float(row[4]) if len(row) > 4 else 10.0 for row in rows],
        }
    )


def random_judged(seed: int, days: int = 7, a_day: int = 120, cards: int = 60, levels: int = 0) -> pd.DataFrame:
    """Judged transactions with somewhat useful scores; `levels` above 0 makes ties."""
    generator = np.random.default_rng(seed)
    size = days * a_day
    is_fraud = generator.random(size) < 0.05
    score = np.clip(generator.normal(0.3 + 0.3 * is_fraud, 0.15), 0, 1)
    return pd.DataFrame(
        {
            "event_time": [day(number % days, hour=number % 24) for number in range(size)],
            "card": [f"c{number}" for number in generator.integers(0, cards, size)],
            "score": np.round(score * levels) / levels if levels else score,
            "is_fraud": is_fraud,
            "amount_eur": np.round(generator.gamma(2, 40, size), 2),
        }
    )


def review_by_hand(frame: pd.DataFrame, budget: int) -> tuple[float, float, float]:
    """Card precision, recall and euro saved by plain loops; scores must not tie."""
    found: set[str] = set()
    precisions, caught, saved = [], 0, 0.0
    rows = [
        (row.event_time.date(), row.card, row.score, bool(row.is_fraud), row.amount_eur) for row in frame.itertuples()
    ]
    for date in sorted({row[0] for row in rows}):
        today = [row for row in rows if row[0] == date]
        best: dict[str, float] = {}
        for _, card, score, _, _ in today:
            if card not in found:
                best[card] = max(score, best.get(card, -1.0))
        chosen = sorted(best, key=lambda card: best[card], reverse=True)[:budget]
        hits = {row[1] for row in today if row[3] and row[1] in chosen}
        precisions.append(len(hits) / budget)
        for _, card, _, is_fraud, amount in today:
            if is_fraud and (card in chosen or card in found):
                caught, saved = caught + 1, saved + amount
        found |= hits
    frauds = sum(row[3] for row in rows)
    return sum(precisions) / len(precisions), caught / frauds if frauds else 0.0, saved


def a_world(days: int = 60, a_day: int = 150, fraud_share: float = 0.03, seed: int = 7) -> Window:
    """A window of transactions, whose frauds show in amount and terminal_fraud_rate_7d, with reports after 3 days."""
    generator = np.random.default_rng(seed)
    size = days * a_day
    is_fraud = generator.random(size) < fraud_share
    rows = pd.DataFrame(
        {
            "transaction_id": [f"t{number}" for number in range(size)],
            "event_time": pd.to_datetime([START + timedelta(seconds=86400 * number / a_day) for number in range(size)]),
            "customer_id": [f"c{number}" for number in generator.integers(0, 400, size)],
            "account_id": None,
        }
    )
    for name in FEATURE_NAMES:
        rows[name] = generator.gamma(2, 20, size)
    rows["is_weekend"] = generator.random(size) < 2 / 7
    rows["is_night"] = generator.random(size) < 0.2
    rows["amount_eur"] = generator.gamma(2, 20, size) * np.where(is_fraud, 2.5, 1.0)
    rate = generator.beta(1, 8, size)
    rows["terminal_fraud_rate_7d"] = np.where(is_fraud, np.minimum(rate + 0.35, 1.0), rate)
    frauds = rows[is_fraud]
    reports = pd.DataFrame(
        {
            "transaction_id": frauds["transaction_id"],
            "is_fraud": True,
            "reported_at": frauds["event_time"] + pd.Timedelta(days=3),
        }
    )
    return Window(rows.assign(card=card_of(rows)), reports)


def labelled(days: int = 20, seed: int = 7) -> pd.DataFrame:
    """The rows of `a_world` with the labels that its reports give them in the end."""
    world = a_world(days=days, seed=seed)
    return world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))


def no_rules() -> "pd.Series[int]":
    """No rule fired on any transaction."""
    return pd.Series(dtype="int64")
