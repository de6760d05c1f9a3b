"""Several boosters as one whose log-odds are their mean, corrected by a calibration: still a plain booster of XGBoost.

So whoever loads the model, by MLflow's flavor or by hand, gets calibrated probabilities, and SHAP values add up to
them. Log-odds of trees add up, so leaves are multiplied and trees put one after the other.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost as xgb

from common.ml.calibration import IDENTITY, Calibration


def joined(boosters: Sequence[xgb.Booster], calibration: Calibration = IDENTITY) -> xgb.Booster:
    """One booster with log-odds `slope * (mean of the boosters' log-odds) + intercept`.

    The boosters have the same features, trees only, and a `base_score` of 0.5. Exact but for the rounding of leaves
    to float32.
    """
    if len(boosters) == 1 and calibration == IDENTITY:
        return boosters[0]
    models = [json.loads(bytes(booster.save_raw("json"))) for booster in boosters]
    whole, trees = models[0], [tree for model in models for tree in _trees(model)]
    factor = calibration.slope / len(boosters)
    for number, tree in enumerate(trees):
        tree["id"] = number
        tree["base_weights"] = [factor * weight for weight in tree["base_weights"]]
        tree["split_conditions"] = [
            # Of a leaf this is its value, of any other node the value that it splits at.
            factor * value if child == -1 else value
            for value, child in zip(tree["split_conditions"], tree["left_children"], strict=True)
        ]
    part = whole["learner"]["gradient_booster"]["model"]
    part["trees"] = trees
    part["tree_info"] = [0] * len(trees)
    part["iteration_indptr"] = list(range(len(trees) + 1))
    part["gbtree_model_param"]["num_trees"] = str(len(trees))
    base_score = float(calibration.probabilities(np.zeros(1))[0])
    whole["learner"]["learner_model_param"]["base_score"] = f"[{base_score!r}]"
    made = xgb.Booster()
    made.load_model(bytearray(json.dumps(whole).encode()))
    return made


def _trees(model: dict[str, Any]) -> list[dict[str, Any]]:
    trees: list[dict[str, Any]] = model["learner"]["gradient_booster"]["model"]["trees"]
    return trees
