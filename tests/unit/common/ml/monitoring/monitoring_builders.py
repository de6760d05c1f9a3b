"""Small worlds for the tests of monitoring: features with a weekend, a reference, weeks of figures."""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from common.ml.monitoring.figures import drift
from common.ml.monitoring.histograms import SCORE, count, edges_of, score_edges
from common.ml.monitoring.measured import Limits, Measured, Support, judged
from common.ml.monitoring.reference import Reference
from common.ml.monitoring.weeks import WEEK

FIRST = date(2030, 1, 7)
"""A Monday."""

Plant = Callable[[pd.DataFrame], pd.DataFrame]


def a_window(rows: int, seed: int) -> pd.DataFrame:
    """Features as cards have them: amounts, counts, a rate that is mostly 0, flags, nulls; and a score made of them."""
    generator = np.random.default_rng(seed)
    is_online = generator.random(rows) < 0.3
    frame = pd.DataFrame(
        {
            "amount_eur": np.round(generator.lognormal(3.5, 0.8, rows), 2),
            "customer_tx_count_7d": generator.poisson(12, rows).astype("float64"),
            "terminal_tx_count_7d": np.where(is_online, np.nan, generator.poisson(30, rows)),
            "terminal_fraud_rate_7d": np.where(generator.random(rows) < 0.95, 0.0, generator.beta(1, 9, rows)),
            "is_weekend": (generator.random(rows) < 2 / 7).astype("float64"),
        }
    )
    log_odds = frame["amount_eur"] / 60 + 8 * frame["terminal_fraud_rate_7d"] - 6 + generator.normal(0, 0.5, rows)
    return frame.assign(**{SCORE: 1 / (1 + np.exp(-log_odds))})


def a_reference(window: pd.DataFrame, version: str = "1", figures: Mapping[str, float] | None = None) -> Reference:
    """The reference of a version that was trained on the window."""
    edges = {name: score_edges(window[name]) if name == SCORE else edges_of(window[name]) for name in window}
    counts = {name: tuple(map(int, count(window[name].to_numpy(), edges[name]))) for name in window}
    return Reference(version, FIRST - 8 * WEEK, FIRST, len(window), edges, counts, figures=figures or {})


def drift_of(reference: Reference, week: pd.DataFrame) -> list[Measured]:
    """The week's drift."""
    return drift(reference, {name: count(week[name].to_numpy(), of) for name, of in reference.edges.items()})


def beyond(measured: list[Measured], *metrics: str) -> set[str]:
    """The subjects whose figures are breached."""
    return {m.subject for m in measured if m.is_breached and (not metrics or m.metric in metrics)}


def judged_transactions(seed: int, rows: int = 2800, cards: int = 900) -> pd.DataFrame:
    """A week of judged transactions with useful scores, 5 % of them frauds."""
    generator = np.random.default_rng(seed)
    is_fraud = generator.random(rows) < 0.05
    times = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(generator.uniform(0, 7 * 86_400, rows), unit="s")
    return pd.DataFrame(
        {
            "event_time": times,
            "card": [f"c{number}" for number in generator.integers(0, cards, rows)],
            "score": np.clip(generator.normal(0.3 + 0.3 * is_fraud, 0.15), 0, 1),
            "is_fraud": is_fraud,
            "amount_eur": np.round(generator.gamma(2, 40, rows), 2),
        }
    )


def a_figure(metric: str, subject: str, value: float, at_most: float = 1.0, rows: int = 5000) -> Measured:
    """A figure with an upper limit."""
    return judged(metric, subject, value, Support(rows), Limits(at_most=at_most))
