"""The chosen parameters rehearsed on the validation folds: what the scores of such a model need to be put to use.

For each fold a model is fitted as the final one will be. Its scores on the days after are those of a model in use, and
give calibration and threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import xgboost as xgb

from common.ml.booster import Candidate, Split, fit_quantised, log_odds, matrix, quantised
from common.ml.calibration import Calibration, calibration_for
from common.ml.costs import threshold_by_costs
from common.ml.joined import joined
from common.ml.threshold import threshold_for


@dataclass(frozen=True)
class Rehearsal:
    """What came of it; `judged` has the validation days with calibrated `score`, and the `raw_score` before.

    A card found in one week is not blocked in the next: each fold is a week of its own, as the test week is. So a
    `card` of `judged` is one of a fold, for the threshold as for the figures that are shown.
    """

    calibration: Calibration
    threshold: float
    judged: pd.DataFrame


def fit_ensemble(
    train: pd.DataFrame, features: Sequence[str], candidate: Candidate, seed: int, size: int
) -> list[xgb.Booster]:
    """Boosters of `size` seeds; one where the candidate samples nothing, as all would be the same."""
    data = quantised(train, features)
    seeds = range(seed, seed + size) if candidate.samples else (seed,)
    return [fit_quantised(data, candidate, number) for number in seeds]


def rehearse(
    splits: Sequence[Split],
    features: Sequence[str],
    candidate: Candidate,
    *,
    seed: int,
    ensemble: int,
    cards_per_day: int,
    review_cost_eur: float | None,
) -> Rehearsal:
    """Calibration and threshold by the validation folds; parameters as in `train.train`."""
    parts = []
    for number, split in enumerate(splits):
        booster = joined(fit_ensemble(split.train, features, candidate, seed, ensemble))
        margins = log_odds(booster, matrix(split.valid, features))
        parts.append(split.valid.assign(margin=margins, fold=number))
    rows = pd.concat(parts, ignore_index=True)
    margins, is_fraud = rows["margin"].to_numpy(dtype="float64"), rows["is_fraud"].to_numpy(dtype=bool)
    calibration = calibration_for(margins, is_fraud, rows["card"], seed)
    judged = rows.drop(columns="margin").assign(
        card=rows["fold"].astype(str) + " " + rows["card"].astype(str),
        score=calibration.probabilities(margins),
        raw_score=Calibration().probabilities(margins),
    )
    return Rehearsal(calibration, _threshold(judged, cards_per_day, review_cost_eur), judged)


def _threshold(judged: pd.DataFrame, cards_per_day: int, review_cost_eur: float | None) -> float:
    if review_cost_eur is None:
        return threshold_for(judged, cards_per_day)
    return threshold_by_costs(judged, cards_per_day, review_cost_eur)
