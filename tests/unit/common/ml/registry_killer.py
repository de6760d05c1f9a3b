"""Registers a candidate and promotes it, and is killed at a named point: a script, since what is killed is a process.

It imports MLflow once and forks for each point, which takes a tenth of the time of a new process. For each point it
prints one JSON line: what the registry had after the kill, and after the same steps were run again.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb
from ml_builders import day

from common.contracts.features import FEATURE_NAMES
from common.ml.champion import Champion
from common.ml.criteria import Criterion
from common.ml.due import plan_training
from common.ml.gate import Verdict
from common.ml.promote import Outcome, next_contest
from common.ml.registry import Registry
from common.ml.ruling import settle
from common.ml.version import Version
from common.settings import Settings

AT_FIRST_USE = (
    "alembic.config",
    "git",
    "IPython.display",
    "mlflow.models.display_utils",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.xgboost",
)
"""What MLflow imports when it is first used: once before the forks, rather than in each of them."""

NEWEST_EVENT = day(60, 0)
CANDIDATE_T, CHAMPION_T = day(46, 0), day(30, 0)
CARDS_PER_DAY = 10


def a_model(test_start: datetime) -> Champion:
    """A booster of a few trees."""
    inputs = pd.DataFrame(np.random.default_rng(1).uniform(0, 100, (200, len(FEATURE_NAMES))), columns=FEATURE_NAMES)
    data = xgb.DMatrix(inputs, label=inputs[FEATURE_NAMES[0]] > 50)
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic", "nthread": 1}, data, num_boost_round=3)
    return Champion("", FEATURE_NAMES, 0.5, CARDS_PER_DAY, test_start, bytes(booster.save_raw("ubj")))


def train_if_due(registry: Registry, test_start: datetime) -> None:
    """What the training notebook does, with a model that takes no time to train."""
    plan = plan_training(
        newest_event=NEWEST_EVENT,
        champion=registry.champion(),
        newest=registry.newest(),
        as_of="",
        train_days=25,
        retrain_after_days=7,
        cards_per_day=CARDS_PER_DAY,
    )
    if plan.is_due:
        with mlflow.start_run(experiment_id=registry.experiment_id) as run:
            pass
        example = pd.DataFrame([[1.0] * len(FEATURE_NAMES)], columns=FEATURE_NAMES)
        registry.register(a_model(test_start), run.info.run_id, example)


def promote(registry: Registry) -> None:
    """What the promotion notebook does, with a candidate that wins."""
    contest = next_contest(registry)
    won = Criterion("average precision", 0.1, "above 0", True, "Better by more than noise.")
    verdict = None if contest.is_judged else Verdict((won,), contest.against)
    settle(registry, contest, Outcome(verdict, contest.text, {}, pd.DataFrame()))


def die_at(point: str) -> None:
    """Makes this process kill itself at `before NAME` or `after NAME [VALUE]`, NAME a call of MLflow's client."""
    when, name, *value = point.split()
    owner: Any = import_module("mlflow.xgboost") if name == "log_model" else mlflow.MlflowClient
    original: Callable[..., Any] = getattr(owner, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        is_meant = not value or value[0] in arguments
        if is_meant and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if is_meant:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


def in_a_process(work: Callable[[], object]) -> tuple[int, Any]:
    """Runs `work` in a fork; the signal that ended it (0: none), and what it returned."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(write_end, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the steps failed by themselves, see the trace above")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, json.loads(answer) if answer else None


def state(home: Path) -> dict[str, Any]:
    """What the registry holds; reading a half-registered version would raise."""
    registry = Registry(Settings(home))
    versions = mlflow.MlflowClient().search_model_versions("name='fraud_model'")
    return {
        "champion": _described(registry.champion()),
        "challenger": registry.alias_number("challenger"),
        "newest": _described(registry.newest()),
        "candidates": sum(version.tags.get("test_start") == f"{CANDIDATE_T:%Y-%m-%d}" for version in versions),
    }


def _described(version: Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    score = float(version.model.load().inplace_predict(np.ones((1, len(FEATURE_NAMES)), dtype="float32"))[0])
    is_old = version.model.test_start == CHAMPION_T
    said = {name: version.tags.get(name, "") for name in ("gate", "previous_champion")}
    return {"which": "old" if is_old else "new", "decision": version.decision, "score": score, **said}


def steps(home: Path, point: str = "") -> None:
    """Both notebooks' steps, one after the other."""
    registry = Registry(Settings(home))
    if point:
        die_at(point)
    train_if_due(registry, CANDIDATE_T)
    promote(registry)


def begin(home: Path) -> None:
    """A registry with a champion."""
    registry = Registry(Settings(home))
    train_if_due(registry, CHAMPION_T)
    promote(registry)


def main(folder: Path, points: list[str]) -> None:
    """One line for each point."""
    for name in AT_FIRST_USE:
        import_module(name)
    in_a_process(lambda: begin(folder / "begun"))
    for number, point in enumerate(points):
        home = folder / str(number)
        home.mkdir()
        shutil.copy(folder / "begun" / "mlflow.db", home)
        ended_by, _ = in_a_process(lambda home=home, point=point: steps(home, point))  # type: ignore[misc]
        killed, again = in_a_process(lambda home=home: (state(home), steps(home), state(home))[::2])[1]  # type: ignore[misc]
        print(json.dumps({"point": point, "signal": ended_by, "killed": killed, "again": again}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
