"""Our model on the folds: parameters by the search that training uses, on the validation folds alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.handbook.protocol import SEED
from common.contracts.features import FEATURE_NAMES, GROUPS
from common.ml.booster import Candidate, Split, fit, log_odds, matrix
from common.ml.fed_features import fed
from common.ml.search import Limits, search
from common.ml.threshold import threshold_for

LIMITS = Limits(trials=1, seconds=600)
"""One trial: the point that every search of training begins with, and the number of trees. The benchmark has to end."""


@dataclass(frozen=True)
class Model:
    """What was chosen on the validation folds, and the scores of their test days."""

    features: tuple[str, ...]
    candidate: Candidate
    validation: list[np.ndarray]

    def scores(self, folds: Sequence[Split]) -> list[np.ndarray]:
        """Log-odds of fraud of each fold's test days, each by a model fitted to its training days."""
        return [self.fitted(split.train, split.valid) for split in folds]

    def fitted(self, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        """Log-odds for some rows by a model fitted to others."""
        booster = fit(train, self.features, self.candidate, SEED)
        return log_odds(booster, matrix(test, self.features))

    def threshold(self, validation: Sequence[Split], cards_per_day: int) -> float:
        """From which log-odds on a payment is an alert, by the alert budget on the validation folds."""
        scored = [
            split.valid.assign(score=score, card=f"{number} " + split.valid["card"])
            for number, (split, score) in enumerate(zip(validation, self.validation, strict=True))
        ]
        return threshold_for(pd.concat(scored), cards_per_day)


def chosen(validation: Sequence[Split], tell: Callable[[str], None]) -> Model:
    """The model of the best candidate, on the features that the data feed."""
    features = fed(validation[0].train, [name for name in FEATURE_NAMES if name in validation[0].train])
    candidate = search(validation, features, SEED, limits=LIMITS, report=tell)[0].candidate
    model = Model(features, candidate, [])
    return Model(features, candidate, model.scores(validation))


def ablations(model: Model) -> dict[str, tuple[str, ...]]:
    """Features by the name of what was left out, or of what alone was kept."""

    def without(left_out: set[str]) -> tuple[str, ...]:
        return tuple(name for name in model.features if name not in left_out)

    groups = {name: {feature.name for feature in group} for name, group in GROUPS.items()}
    found = {f"without {name}": without(names) for name, names in groups.items()}
    found["payment and terminal alone"] = without(groups["spending"] | groups["habit"])
    return {name: kept for name, kept in found.items() if kept != model.features}
