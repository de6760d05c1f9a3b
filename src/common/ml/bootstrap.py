"""Intervals by bootstrap over cards: all transactions of a card come or stay out together, as they aren't independent.

Figures of several scores on the same resamples are paired: their difference has an interval of its own, which is
narrower than those of the figures let one think.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from common.ml.weighted import Ranked, Reviewed

RESAMPLES = 400
CONFIDENCE = 0.95

_FORMS = {"saved_eur": "{:,.0f}", "brier": "{:.5f}"}

Statistic = Callable[[np.ndarray], float]
"""A figure of judged transactions, given how often each of them counts (float64, in their order)."""


def resampled(
    statistics: Mapping[str, Statistic], cards: "pd.Series[str]", seed: int, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Each statistic (a column) on each resample (a row): as many cards as there are, drawn with replacement.

    Of a single card all are NaN: every resample is that card, which says nothing of others.

    Args:
        statistics: by name, figures of the same transactions.
        cards: the card of each transaction.
        seed: of the draws.
        resamples: how many draws.

    """
    codes, names = pd.factorize(cards)
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        weight = drawn[codes].astype("float64")
        rows.append({name: statistic(weight) for name, statistic in statistics.items()})
    draws = pd.DataFrame(rows, columns=list(statistics), dtype="float64")
    return draws if len(names) > 1 else draws * np.nan


def with_intervals(
    statistics: Mapping[str, Statistic],
    cards: "pd.Series[str]",
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Each statistic (a row) as it is (`value`), and the middle `confidence` of its resamples (`low`, `high`).

    Of a single card both are NaN.
    """
    draws = resampled(statistics, cards, seed, resamples)
    once = np.ones(len(cards))
    outside = (1 - confidence) / 2
    return pd.DataFrame(
        {
            "value": {name: statistic(once) for name, statistic in statistics.items()},
            "low": draws.quantile(outside),
            "high": draws.quantile(1 - outside),
        }
    )


def figures_of(judged: pd.DataFrame, cards_per_day: int) -> dict[str, Statistic]:
    """The figures of `metrics.Figures` that have an interval, of a frame with the columns of `review.JUDGED`.

    `brier` and `frauds_expected` (sum of the scores over the number of frauds: 1 where they are calibrated, NaN
    where no fraud has weight) judge the scores as probabilities.
    """
    score = judged["score"].to_numpy(dtype="float64")
    is_fraud = judged["is_fraud"].to_numpy(dtype=bool)
    ranked, reviewed = Ranked(score, is_fraud), Reviewed(judged, cards_per_day)
    error = (score - is_fraud) ** 2

    def frauds_expected(weight: np.ndarray) -> float:
        frauds = float(weight[is_fraud].sum())
        return float(np.sum(weight * score)) / frauds if frauds else float("nan")

    return {
        "average_precision": ranked.average_precision,
        "auc_roc": ranked.auc_roc,
        "card_precision": lambda weight: reviewed.review(weight).card_precision,
        "recall": lambda weight: reviewed.review(weight).recall,
        "saved_eur": lambda weight: reviewed.review(weight).saved_eur,
        "brier": lambda weight: float(np.sum(weight * error) / weight.sum()) if len(weight) else 0.0,
        "frauds_expected": frauds_expected,
    }


def as_text(figures: pd.DataFrame, intervals: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A table of figures for people: `0.715 (0.671 to 0.752)` where there is an interval.

    `figures` has one row for each way of scoring, one column a figure (`metrics.comparison`); `intervals` holds by the
    name of such a row its figures as `with_intervals` has them.
    """

    def text(row: str, figure: str) -> str:
        form = _FORMS.get(figure, "{:.3f}")
        value = form.format(figures.loc[row, figure])
        if row not in intervals:
            return value
        return f"{value} ({' to '.join(form.format(intervals[row].loc[figure, end]) for end in ('low', 'high'))})"

    return pd.DataFrame({column: {row: text(row, column) for row in figures.index} for column in figures.columns})
