"""Trials of the parameter search: what each found, and where they are kept while it goes on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from common.ml.booster import Candidate


@dataclass(frozen=True)
class Trial:
    """A candidate and its average precision on each validation fold; `number` counts from 0, `seconds` it took."""

    candidate: Candidate
    average_precision: tuple[float, ...]
    number: int = 0
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """Mean average precision over the folds."""
        return float(np.mean(self.average_precision))


class TrialStore(Protocol):
    """Keeps the trials of one search, so that it can go on after it was killed."""

    def earlier(self) -> list[Trial]:
        """The trials that are there already, by number."""
        ...

    def add(self, trial: Trial) -> None:
        """Keeps one more."""
        ...


class Unkept:
    """A store for a search that begins from nothing each time."""

    def earlier(self) -> list[Trial]:
        """None."""
        return []

    def add(self, trial: Trial) -> None:
        """Keeps nothing."""


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """The trials by falling mean average precision; of equals the earlier first."""
    return sorted(trials, key=lambda trial: (-trial.mean, trial.number))


def trials_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """The search as a table, in the order given: number, parameters, mean average precision, that by fold, seconds."""
    return pd.DataFrame(
        [
            {
                "trial": trial.number,
                **asdict(trial.candidate),
                "average_precision": trial.mean,
                **{f"fold_{number}": value for number, value in enumerate(trial.average_precision, start=1)},
                "seconds": round(trial.seconds, 1),
            }
            for trial in trials
        ]
    )
