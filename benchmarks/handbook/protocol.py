"""The Handbook's prequential folds (chapter 5), and figures on them with intervals.

Each fold has 7 days of training, 7 days for labels to arrive, and 7 days of test. Customers known as defrauded, from
the training days or from what was reported by each test day, are left out of the test (`get_train_test_set`).
Everything is chosen on four earlier folds, all of whose test days lie before the first reported training week ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.handbook.world import DELAY_DAYS
from common.contracts.features import FEATURE_NAMES
from common.ml.booster import Split
from common.ml.bootstrap import figures_of, with_intervals

VALIDATION_STARTS = ("2018-06-20", "2018-06-27", "2018-07-04", "2018-07-11")
TEST_STARTS = ("2018-07-25", "2018-08-01", "2018-08-08", "2018-08-15")
FIRST_DAY = "2018-04-08"
"""From when on there is a week of history, so that features mean something: the first day of a long training."""

WINDOW_DAYS = 7
CARDS_PER_DAY = 100
FIGURES = ("average_precision", "auc_roc", "card_precision")
RESAMPLES = 200
SEED = 0
_LEARNT = {"is_fraud", *FEATURE_NAMES}
_ONE = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Folds:
    """Folds of a world: the same test days behind a short and a long training."""

    short: tuple[Split, ...]
    long: tuple[Split, ...]


def folds_of(rows: pd.DataFrame, starts: Sequence[str]) -> Folds:
    """The folds whose training weeks start on these days."""
    return Folds(
        tuple(handbook_split(rows, start) for start in starts),
        tuple(handbook_split(rows, start, train_from=FIRST_DAY) for start in starts),
    )


def handbook_split(rows: pd.DataFrame, start: str, train_from: str | None = None) -> Split:
    """The training and test rows of the fold whose training week starts on that day.

    `train_from`: learn from that day on, instead of from the week alone. What is tested stays the same.
    """
    first = pd.Timestamp(start, tz="UTC")
    train_end, test_first = first + WINDOW_DAYS * _ONE, first + (WINDOW_DAYS + DELAY_DAYS) * _ONE
    learn_from = pd.Timestamp(train_from, tz="UTC") if train_from else first
    day = rows["day"]
    frauds = rows.loc[rows["is_fraud"], ["day", "card"]]
    defrauded = set(frauds.loc[(frauds["day"] >= first) & (frauds["day"] < train_end), "card"])
    days = []
    for number in range(WINDOW_DAYS):
        today = test_first + number * _ONE
        # As in the Handbook: what happened DELAY_DAYS + 1 days before is known on the test day.
        defrauded |= set(frauds.loc[frauds["day"] == today - (DELAY_DAYS + 1) * _ONE, "card"])
        that_day = rows[day == today]
        days.append(that_day[~that_day["card"].isin(defrauded)])
    # Of the rows to learn from no more than is learnt from: many folds are in memory at once.
    learnt = rows.loc[(day >= learn_from) & (day < train_end), [name for name in rows if name in _LEARNT]]
    return Split(learnt, pd.concat(days))


def intervals(folds: Sequence[Split], scores: Sequence[np.ndarray], cards_per_day: int) -> pd.DataFrame:
    """Mean figures over the folds (a row each: value, low, high), with 95 % intervals by bootstrap over cards.

    A card that is drawn is drawn in all folds; each fold is a review of its own, as in the Handbook.
    """
    parts = [
        figures_of(split.valid.assign(score=score), cards_per_day) for split, score in zip(folds, scores, strict=True)
    ]
    ends = np.cumsum([len(split.valid) for split in folds])[:-1]
    cards = pd.concat([split.valid["card"] for split in folds], ignore_index=True)

    def mean_of(name: str):  # type: ignore[no-untyped-def]
        return lambda weight: float(
            np.mean([part[name](own) for part, own in zip(parts, np.split(weight, ends), strict=True)])
        )

    return with_intervals({name: mean_of(name) for name in FIGURES}, cards, SEED, RESAMPLES)


def means(folds: Sequence[Split], scores: Sequence[np.ndarray], cards_per_day: int) -> Mapping[str, float]:
    """The mean figures alone."""
    parts = [
        figures_of(split.valid.assign(score=score), cards_per_day) for split, score in zip(folds, scores, strict=True)
    ]
    ones = [np.ones(len(split.valid)) for split in folds]
    return {name: float(np.mean([part[name](one) for part, one in zip(parts, ones, strict=True)])) for name in FIGURES}
