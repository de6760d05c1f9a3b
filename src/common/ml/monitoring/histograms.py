"""Histograms of features and scores: bins fixed by a version's training window, rows counted into them.

A subject with edges e1 < ... < ek has k + 2 bins: up to e1, then (e1, e2] and so on, above ek, and nulls. Counting is
pure pandas, run on Spark's workers: one pass over a row, however many subjects there are.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from common.ml.booster import predict
from common.ml.champion import Champion

SCORE = "score"
SCORE_BANDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Edges that a score has in every version, so that its bands mean the same in all of them."""

COUNTED = "period string, subject string, bin int, rows bigint"
"""What a counter gives, as a DDL schema for `mapInPandas`."""

Edges = Mapping[str, tuple[float, ...]]
"""By subject, the edges in rising order."""

Counter = Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]

_LEVELS = (*(level / 20 for level in range(1, 20)), 0.99)
_FEWER_LEVELS = tuple(level / 10 for level in range(1, 10))
_ATOM = 0.2
"""A value that at least this share of rows has gets a bin of its own; quantiles are those of the others."""


def edges_of(values: "pd.Series[float]") -> tuple[float, ...]:
    """Edges at quantiles of the values, their smallest and largest value among them; none without a value."""
    known = values.to_numpy(dtype="float64")
    known = np.sort(known[np.isfinite(known)])
    if not len(known):
        return ()
    distinct, counts = np.unique(known, return_counts=True)
    edges = [_just_below(distinct[0]), distinct[-1]]
    if counts.max() < _ATOM * len(known):
        edges += _quantiles(known, _LEVELS)
    else:
        atom = distinct[counts.argmax()]
        edges += [_just_below(atom), atom, *_quantiles(known[known != atom], _FEWER_LEVELS)]
    return tuple(float(edge) for edge in np.unique(edges))


def score_edges(scores: "pd.Series[float]") -> tuple[float, ...]:
    """Edges at quantiles of the scores, and those of `SCORE_BANDS`."""
    return tuple(sorted({*edges_of(scores), *SCORE_BANDS}))


def count(values: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    """Rows in each bin, those without a number last."""
    bins = np.searchsorted(np.asarray(edges), values, side="left")
    bins[np.isnan(values)] = len(edges) + 1
    return np.bincount(bins, minlength=len(edges) + 2)


def counter(edges: Mapping[str, Edges], scored_by: Champion | None = None) -> Counter:
    """The function to give to `mapInPandas`: it counts one partition's frames.

    Args:
        edges: the edges by period. A frame has a column `period`, whose other values are left out, and one of numbers
            for each subject.
        scored_by: a model that gives the frames their score first.

    """

    def count_partition(frames: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        booster = scored_by.load() if scored_by else None
        for frame in frames:
            scores = {SCORE: predict(booster, frame, scored_by.features)} if scored_by and booster else {}
            yield _counted(frame.assign(**scores), edges)

    return count_partition


def summed(rows: Iterable[tuple[str, str, int, int]], edges: Mapping[str, Edges]) -> dict[str, dict[str, np.ndarray]]:
    """The counts by period and subject, from rows of `COUNTED`; zeros where there are none."""
    counts = {
        period: {subject: np.zeros(len(of) + 2, dtype="int64") for subject, of in subjects.items()}
        for period, subjects in edges.items()
    }
    for period, subject, number, found in rows:
        counts[period][subject][number] += found
    return counts


def _counted(frame: pd.DataFrame, edges: Mapping[str, Edges]) -> pd.DataFrame:
    rows = []
    for period, part in frame.groupby("period", sort=False):
        for subject, of in edges.get(str(period), {}).items():
            bins = count(part[subject].to_numpy(dtype="float64"), of)
            rows += [(str(period), subject, int(number), int(bins[number])) for number in np.flatnonzero(bins)]
    return pd.DataFrame(rows, columns=["period", "subject", "bin", "rows"])


def _quantiles(known: np.ndarray, levels: tuple[float, ...]) -> list[float]:
    return [float(edge) for edge in np.quantile(known, levels, method="lower")] if len(known) else []


def _just_below(value: float) -> float:
    return float(np.nextafter(value, -np.inf))
