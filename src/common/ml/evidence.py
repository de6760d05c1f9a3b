"""What a decision on a challenger rests on: two scores of the same transactions, and how sure their difference is.

The rival is the champion, or the rules where there is no champion: how many of them fired is a score as well.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from common.ml.bootstrap import RESAMPLES, Statistic, figures_of, resampled
from common.ml.champion import Champion
from common.ml.slices import KINDS, large_slices
from common.ml.weighted import Ranked

ONE_SIDED_CONFIDENCE = 0.95
"""That the true difference is above `low`, and that it is below `high`: each is sure by itself."""

COMPARED = ("average_precision", "card_precision", "saved_eur")
TIMED_ROWS = 5_000
REPEATS = 3


@dataclass(frozen=True)
class Difference:
    """A figure of the challenger and of its rival, and between what their difference lies on resampled cards."""

    challenger: float
    rival: float
    low: float
    high: float


@dataclass(frozen=True)
class Evidence:
    """What is known of a challenger and its rival.

    Args:
        model: the challenger.
        rival: the champion; None where the rules stand in for one.
        judged: the test window (`review.JUDGED`): `score` is the challenger's, `rival_score` its rival's; the columns
            of `slices.KINDS`, where they are known.
        computed: names of the features that are computed now.
        microseconds_a_row: what the challenger takes to score a row, NaN where it was not measured.
        seed: of the resamples.
        resamples: how many.

    """

    model: Champion
    rival: Champion | None
    judged: pd.DataFrame
    computed: tuple[str, ...]
    microseconds_a_row: float = float("nan")
    seed: int = 0
    resamples: int = field(default=RESAMPLES)

    @property
    def rival_name(self) -> str:
        """The rival, for a sentence."""
        return "the rules alone" if self.rival is None else f"champion version {self.rival.version}"

    @property
    def scores(self) -> np.ndarray:
        """The challenger's scores."""
        return self.judged["score"].to_numpy(dtype="float64")

    @property
    def frauds(self) -> int:
        """How many frauds the window has."""
        return int(self.judged["is_fraud"].sum())

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """By name: the figures of `COMPARED`, `chance` (average precision against that of equal scores for all).

        And those of `slice_name`: average precision on each large slice. All on the same resamples of cards.
        """
        ours, theirs = self._statistics("score"), self._statistics("rival_score")
        statistics = {f"ours {name}": figure for name, figure in ours.items()}
        statistics |= {f"theirs {name}": figure for name, figure in theirs.items()}
        draws = resampled(statistics, self.judged["card"], self.seed, self.resamples)
        once = np.ones(len(self.judged))
        found = {}
        for name in ours:
            drawn = draws[f"ours {name}"] - draws[f"theirs {name}"]
            low, high = (float(drawn.quantile(share)) for share in (1 - ONE_SIDED_CONFIDENCE, ONE_SIDED_CONFIDENCE))
            found[name] = Difference(ours[name](once), theirs[name](once), low, high)
        return found

    def slices(self, kind: str) -> dict[str, Difference]:
        """The differences in average precision on the large slices of a kind, by the slice's name."""
        return {name: self.differences[slice_name(kind, name)] for name, _ in large_slices(self.judged, kind)}

    def _statistics(self, column: str) -> dict[str, Statistic]:
        scores, is_fraud = self.judged[column].to_numpy(dtype="float64"), self.judged["is_fraud"].to_numpy(dtype=bool)
        figures = figures_of(self.judged.assign(score=scores), self.model.cards_per_day)
        found = {name: figures[name] for name in COMPARED}
        found["chance"] = Ranked(scores if column == "score" else np.zeros_like(scores), is_fraud).average_precision
        for kind in KINDS:
            for name, rows in large_slices(self.judged, kind):
                found[slice_name(kind, name)] = _within(rows, Ranked(scores[rows], is_fraud[rows]))
        return found


def slice_name(kind: str, name: str) -> str:
    """The name of a slice's difference."""
    return f"{kind} {name}"


def _within(rows: np.ndarray, ranked: Ranked) -> Statistic:
    return lambda weight: ranked.average_precision(weight[rows])


def microseconds_a_row(predict: Callable[[pd.DataFrame], object], rows: pd.DataFrame) -> float:
    """How long scoring takes, in microseconds of CPU a row: the best of some times, as the machine may be busy.

    Of a small window the rows are repeated, so that it is rows that are timed and not the call.
    """
    if rows.empty:
        return float("nan")
    sample = rows.iloc[np.arange(TIMED_ROWS) % len(rows)]
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        predict(sample)
        taken.append(time.process_time() - began)
    return min(taken) / len(sample) * 1e6
