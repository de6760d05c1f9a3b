"""Models that take no time to train, registered as training does, for tests of what becomes of versions."""

from typing import Any

import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb
from ml_builders import day
from mlflow.models import infer_signature

from common.contracts.features import FEATURE_NAMES
from common.ml.champion import Champion
from common.ml.criteria import Criterion
from common.ml.gate import Verdict
from common.ml.promote import Contest, Outcome, nothing_judged
from common.ml.registry import Registry
from common.ml.version import SCORES_BY

GOOD = Criterion("average precision", 0.1, "above 0", True, "Average precision is better.")
BAD = Criterion("calibration", 3.0, "0.5 to 2", False, "Scores expect too many frauds.")


def small_model(test_start: int = 40, features: tuple[str, ...] = FEATURE_NAMES) -> Champion:
    """Two trees that look at the first feature."""
    inputs = pd.DataFrame(np.random.default_rng(1).uniform(0, 100, (200, len(features))), columns=features)
    data = xgb.DMatrix(inputs, label=inputs[features[0]] > 50)
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic", "nthread": 1}, data, num_boost_round=2)
    return Champion("", features, 0.5, 10, day(test_start, 0), bytes(booster.save_raw("ubj")))


def register(registry: Registry, model: Champion | None = None) -> int:
    """Registers a small model, the files of the first for all where none is given; the version's number."""
    if model is None and registry.numbers():
        return _again(registry)
    model = model or small_model()
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        pass
    example = pd.DataFrame([[1.0] * len(model.features)], columns=list(model.features))
    return int(registry.register(model, run.info.run_id, example))


def _again(registry: Registry) -> int:
    client, name = mlflow.MlflowClient(), registry.model
    first = client.get_model_version(name, "1")
    made = client.create_model_version(name, first.source, first.run_id, model_id=first.model_id)
    registry.challenge(int(made.version))
    return int(made.version)


def by_hand(registry: Registry, known: dict[str, Any] | None = None, *, signature: bool = False) -> int:
    """A model that is logged and registered as MLflow's own documentation shows; `known` goes into its metadata."""
    model = small_model()
    example = pd.DataFrame([[1.0] * len(FEATURE_NAMES)], columns=list(FEATURE_NAMES))
    with mlflow.start_run(experiment_id=registry.experiment_id):
        logged = mlflow.xgboost.log_model(
            model.load(),
            name="model",
            model_format="ubj",
            signature=infer_signature(example, [0.5]) if signature else None,
            pip_requirements=["xgboost"],
            metadata=known and {SCORES_BY: known},
        )
    made = mlflow.MlflowClient().create_model_version(registry.model, source=logged.model_uri)
    return int(made.version)


def register_champion(registry: Registry, reason: str = "won") -> int:
    """Registers a small model and promotes it."""
    number = register(registry)
    version = registry.version(number)
    assert version is not None
    registry.decide(version, True, reason)
    return number


def judged_as(contest: Contest, *criteria: Criterion) -> Outcome:
    """What the gate would find in a contest, unless it has nothing to do."""
    if contest.is_judged:
        return nothing_judged(contest)
    verdict = Verdict(criteria or (GOOD,), contest.against)
    return Outcome(verdict, verdict.reason, {}, pd.DataFrame())
