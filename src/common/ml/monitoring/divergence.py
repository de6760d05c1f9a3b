"""How far two distributions are apart, from their counts in the same bins, and how far they are by chance."""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np
from scipy.stats import chi2

BY_CHANCE = 0.001
"""Share of comparisons of equal distributions that may go beyond what is allowed for chance."""

_SMOOTHED = 0.5
"""Added to each count, so that an empty bin gives no infinite index."""


def population_stability_index(reference: np.ndarray, current: np.ndarray) -> float:
    """The sum over bins of (q - p) ln(q / p), for shares p of the reference and q of what is compared; 0 or more."""
    p, q = _shares(reference), _shares(current)
    return float(np.sum((q - p) * np.log(q / p)))


def psi_by_chance(reference_rows: int, rows: int, bins: int) -> float:
    """What the index exceeds once in 1 / `BY_CHANCE` comparisons of equal distributions.

    Of n and m rows in k bins it is about (1/n + 1/m) times a chi-square with k - 1 degrees of freedom; the mean of that
    is its bias, (k - 1)(1/n + 1/m) (B. Yurdakul, "Statistical Properties of Population Stability Index", 2018).
    """
    return float(chi2.ppf(1 - BY_CHANCE, max(bins - 1, 1))) * (1 / max(reference_rows, 1) + 1 / max(rows, 1))


def kolmogorov_smirnov(reference: np.ndarray, current: np.ndarray) -> float:
    """The largest distance of the two cumulative shares, 0 to 1, with bins in rising order.

    It is at most that of the values themselves, and less by no more than the share of the largest bin.
    """
    if not reference.sum() or not current.sum():
        return 0.0
    return float(np.max(np.abs(np.cumsum(reference) / reference.sum() - np.cumsum(current) / current.sum())))


def ks_by_chance(reference_rows: int, rows: int) -> float:
    """What the distance exceeds once in 1 / `BY_CHANCE` comparisons of equal distributions, at most."""
    return sqrt(-log(BY_CHANCE / 2) / 2) * sqrt(1 / max(reference_rows, 1) + 1 / max(rows, 1))


def between_weeks(weeks: Sequence[np.ndarray], min_rows: int) -> tuple[float, float]:
    """How far a training week is from the other weeks at most: the index, and the distance without the last bin.

    Rows of a week are not independent: a few terminals in trouble move a rate more than chance would. What weeks of the
    training window differ by is what a week may differ by afterwards. 0 where there are no two weeks of `min_rows`.
    """
    whole = [week for week in weeks if week.sum() >= min_rows]
    if len(whole) < 2:  # one week has no other to differ from
        return 0.0, 0.0
    others = sum(whole) - np.array(whole)
    return (
        max(population_stability_index(*pair) for pair in zip(others, whole, strict=True)),
        max(kolmogorov_smirnov(rest[:-1], week[:-1]) for rest, week in zip(others, whole, strict=True)),
    )


def _shares(counts: np.ndarray) -> np.ndarray:
    smoothed = counts.astype("float64") + _SMOOTHED
    shares: np.ndarray = smoothed / smoothed.sum()
    return shares
