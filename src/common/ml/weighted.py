"""Figures under weights: how often each transaction counts. They are sorted once, so that many weights cost little."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.ml.review import card_days


class Ranked:
    """Scores and labels, for the figures that depend on the order of the scores alone."""

    def __init__(self, scores: np.ndarray, is_fraud: np.ndarray) -> None:
        self._order = np.argsort(-scores, kind="stable")
        falling = scores[self._order]
        self._last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(falling)])
        self._is_fraud = is_fraud[self._order].astype("float64")

    def average_precision(self, weight: np.ndarray) -> float:
        """Weighted area under the precision-recall steps; 0 where no fraud has weight."""
        frauds, everything = self._cumulated(weight)
        if not frauds.any():
            return 0.0
        precision = np.divide(frauds, everything, out=np.zeros_like(frauds), where=everything > 0)
        return float(np.sum(np.diff(frauds, prepend=0.0) * precision) / frauds[-1])

    def auc_roc(self, weight: np.ndarray) -> float:
        """Weighted chance that a fraud scores above a genuine transaction; 0.5 where only one kind has weight."""
        frauds, everything = self._cumulated(weight)
        genuine = everything - frauds
        if not frauds.any() or not genuine.any():
            return 0.5
        tied = np.diff(genuine, prepend=0.0)
        below = genuine[-1] - genuine + tied / 2
        return float(np.sum(np.diff(frauds, prepend=0.0) * below) / (frauds[-1] * genuine[-1]))

    def _cumulated(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weight of frauds and of everything above or at each score that there is, from the highest down."""
        falling = weight[self._order]
        return np.cumsum(falling * self._is_fraud)[self._last_of_tie], np.cumsum(falling)[self._last_of_tie]


@dataclass(frozen=True)
class WeightedReview:
    """What a review of k cards a day (see `review`) finds.

    `card_precision`: mean over days of (reviewed cards with fraud that day) / k.
    `recall`: share of fraudulent transactions whose card was reviewed that day or had been found before.
    `saved_eur`: their amount.
    """

    card_precision: float
    recall: float
    saved_eur: float


class Reviewed:
    """The card days of judged transactions (`review.JUDGED`), for reviews in which each card counts some times.

    A card of weight 2 is two cards with the same transactions, of which one may be reviewed and the other not.
    """

    def __init__(self, judged: pd.DataFrame, cards_per_day: int) -> None:
        days = card_days(judged)
        self._cards_per_day = cards_per_day
        codes, names = pd.factorize(judged["card"])
        self._first_row = np.unique(codes, return_index=True)[1]
        self._days = [
            (
                pd.Index(names).get_indexer(pd.Index(day["card"])),
                day["has_fraud"].to_numpy(dtype=bool),
                day["frauds"].to_numpy(dtype="float64"),
                day["fraud_eur"].to_numpy(dtype="float64"),
            )
            for _, day in days.groupby("day", sort=True)
        ]

    def review(self, weight: np.ndarray) -> WeightedReview:
        """The review under whole weights of the transactions, which are equal within a card."""
        copies = weight[self._first_row]
        blocked = np.zeros_like(copies)
        found = caught = saved = frauds = 0.0
        for cards, has_fraud, day_frauds, day_eur in self._days:
            free = copies[cards] - blocked[cards]
            taken = np.clip(self._cards_per_day - (np.cumsum(free) - free), 0.0, free)
            stopped = taken + blocked[cards]
            caught += float(np.sum(stopped * day_frauds))
            saved += float(np.sum(stopped * day_eur))
            frauds += float(np.sum(copies[cards] * day_frauds))
            hits = taken * has_fraud
            found += float(hits.sum())
            blocked[cards] += hits
        places = self._cards_per_day * len(self._days)
        return WeightedReview(found / places if places else 0.0, caught / frauds if frauds else 0.0, saved)
