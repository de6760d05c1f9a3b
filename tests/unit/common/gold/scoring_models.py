"""Models that scoring tests use, and what batches scored by them must be."""

import numpy as np
import pandas as pd
import xgboost as xgb
from gold_worlds import at
from pyspark.sql import DataFrame

from common.contracts.features import FEATURE_NAMES
from common.features.reach import reach_of
from common.gold.transaction_scores import scores
from common.ml.champion import Champion
from common.ml.models_in_use import ModelsInUse
from common.storage.lake import Lake

FIRST_LIVE = 20
"""Payments from this day on happened since the champion's test_start."""


def a_champion(features: tuple[str, ...] = FEATURE_NAMES) -> Champion:
    """A model for which a large amount is fraud."""
    inputs = pd.DataFrame(np.random.default_rng(1).uniform(0, 100, (400, len(features))), columns=list(features))
    data = xgb.DMatrix(inputs.to_numpy(), label=inputs[features[0]] > 50, feature_names=list(features))
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic"}, data, num_boost_round=10)
    return Champion("3", features, 0.5, 10, at(FIRST_LIVE), bytes(booster.save_raw("ubj")))


def a_challenger() -> Champion:
    """A model of one feature for which a small amount is fraud: it finds the opposite."""
    inputs = pd.DataFrame({"amount_eur": np.linspace(0, 100, 400)})
    data = xgb.DMatrix(inputs, label=inputs["amount_eur"] < 50)
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic"}, data, num_boost_round=10)
    return Champion("4", ("amount_eur",), 0.2, 10, at(0), bytes(booster.save_raw("ubj")))


def scored_by(lake: Lake, batch: DataFrame, champion: Champion, challenger: Champion | None = None) -> DataFrame:
    """The rows that the workers make of a batch."""
    models = ModelsInUse(champion)
    models.challenger = challenger
    reach = reach_of(batch)
    assert reach is not None
    return scores(lake, batch, models, reach)
