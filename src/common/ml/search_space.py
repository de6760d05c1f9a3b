"""Which parameters the search tries: declared here and nowhere else, so that a figure can't be tuned by looking at it.

The number of trees is not among them: early stopping on the validation folds gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from common.ml.booster import Candidate


@dataclass(frozen=True)
class Range:
    """The values of one parameter, both ends included.

    `step`: distance of the values, 0 where any is allowed; `is_log`: small values as often as large ones.
    """

    low: float
    high: float
    step: float = 0.0
    is_log: bool = False
    is_whole: bool = False


SPACE: Mapping[str, Range] = {
    "max_depth": Range(3, 8, is_whole=True),
    "learning_rate": Range(0.03, 0.3, is_log=True),
    "min_child_weight": Range(0.1, 30, is_log=True),
    "reg_lambda": Range(0.1, 100, is_log=True),
    "gamma": Range(0, 5),
    "subsample": Range(0.5, 1, step=0.1),
    "colsample_bytree": Range(0.3, 1, step=0.1),
}
"""By XGBoost's names. Sampling may be 1, which is none."""

_PLAIN = {"min_child_weight": 1.0, "reg_lambda": 1.0, "gamma": 0.0, "subsample": 1.0, "colsample_bytree": 1.0}
STARTING_POINTS: tuple[Mapping[str, float], ...] = (
    # Sampling, and a weight that leaves need, make it robust to features that say little: see docs/model.md.
    {
        **_PLAIN,
        "max_depth": 5,
        "learning_rate": 0.1,
        "min_child_weight": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
    },
    {**_PLAIN, "max_depth": 4, "learning_rate": 0.1},
    {**_PLAIN, "max_depth": 3, "learning_rate": 0.1},
    {**_PLAIN, "max_depth": 4, "learning_rate": 0.3},
)
"""The first trials: each is decent by itself, so that a search of a single trial gives a model too."""


def as_candidate(parameters: Mapping[str, float], rounds: int) -> Candidate:
    """The candidate of a point of the space, with a number of trees."""
    return Candidate(
        max_depth=int(parameters["max_depth"]),
        rounds=rounds,
        **{name: float(value) for name, value in parameters.items() if name != "max_depth"},
    )
