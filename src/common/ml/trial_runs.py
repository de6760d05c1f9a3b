"""Trials of a search as nested MLflow runs, from which a search that was killed goes on.

The runs that people look at are the store, so there is nothing beside them that could differ or be lost, and it works
wherever MLflow does. Optuna's own stores want a database, or a file with locks, which volumes of Databricks lack.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mlflow.entities import Metric, Param, Run
from mlflow.tracking import MlflowClient

from common.ml.search_space import SPACE, STARTING_POINTS, as_candidate
from common.ml.trials import Trial

SEARCH, TRIAL, DONE = "search", "trial", "registered_version"
"""Tags: of a model's run the key of its search and the version that came of it, of a nested run its number."""

_PARENT, _NAME = "mlflow.parentRunId", "mlflow.runName"
_MEAN = "validation_average_precision"
"""As in the model's run, where `average_precision` is that on the test week: in a comparison of runs both meet."""

_FOLD = f"{_MEAN}_fold_"
_MOST = 1000


def search_key(inputs: Mapping[str, object]) -> str:
    """What tells one search from another: a digest of all that its trials depend on, and of the space."""
    declared = {"space": {name: asdict(values) for name, values in SPACE.items()}, "starts": STARTING_POINTS}
    text = json.dumps({**inputs, **declared}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class TrialRuns:
    """The trials of one search: runs below the run of the model that comes of it, which is made when first needed."""

    def __init__(self, experiment_id: str, name: str, key: str) -> None:
        self._client, self._experiment_id = MlflowClient(), experiment_id
        self._name, self._key = name, key
        self._run_id = ""

    @property
    def run_id(self) -> str:
        """The model's run: one that a killed search of the same key left, or a new one."""
        if not self._run_id:
            self._run_id = self._unfinished() or self._new_run({SEARCH: self._key, _NAME: self._name}).info.run_id
        return self._run_id

    def earlier(self) -> list[Trial]:
        """The trials that are there already, by number. One that was killed half-way is removed."""
        runs = self._client.search_runs([self._experiment_id], f"tags.`{_PARENT}` = '{self.run_id}'", max_results=_MOST)
        for run in (run for run in runs if run.info.status != "FINISHED"):
            self._client.delete_run(run.info.run_id)
        trials = sorted((_trial(run) for run in runs if run.info.status == "FINISHED"), key=lambda t: t.number)
        return [trial for number, trial in enumerate(trials) if trial.number == number]

    def add(self, trial: Trial) -> None:
        """Keeps one more."""
        tags = {_PARENT: self.run_id, _NAME: f"trial {trial.number}", TRIAL: str(trial.number)}
        run_id = self._new_run(tags).info.run_id
        figures = {f"{_FOLD}{number}": value for number, value in enumerate(trial.average_precision, start=1)}
        metrics = {_MEAN: trial.mean, **figures, "seconds": trial.seconds}
        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, repr(value)) for name, value in asdict(trial.candidate).items()],
        )
        self._client.set_terminated(run_id)  # last: what was killed before it is no trial

    def _unfinished(self) -> str | None:
        runs = self._client.search_runs(
            [self._experiment_id], f"tags.{SEARCH} = '{self._key}'", order_by=["attributes.start_time DESC"]
        )
        return next((str(run.info.run_id) for run in runs if DONE not in run.data.tags), None)

    def _new_run(self, tags: dict[str, Any]) -> Run:
        return self._client.create_run(self._experiment_id, tags=tags)


def _trial(run: Run) -> Trial:
    parameters, metrics = run.data.params, run.data.metrics
    folds = sum(name.startswith(_FOLD) for name in metrics)
    return Trial(
        candidate=as_candidate({name: float(parameters[name]) for name in SPACE}, int(parameters["rounds"])),
        average_precision=tuple(metrics[f"{_FOLD}{number}"] for number in range(1, folds + 1)),
        number=int(run.data.tags[TRIAL]),
        seconds=metrics["seconds"],
    )
