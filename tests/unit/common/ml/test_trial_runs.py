from dataclasses import replace

import mlflow
import pytest
from ml_builders import a_world, day, no_rules

from common.ml.booster import Candidate
from common.ml.folds import protocol_at
from common.ml.model_run import log_and_register
from common.ml.registry import Registry
from common.ml.search import Limits
from common.ml.train import Trained, train
from common.ml.trial_runs import TrialRuns, search_key
from common.ml.trials import Trial
from common.settings import Settings

TRIALS = [
    Trial(Candidate(4, 0.1, 35), (0.7, 0.1 + 0.2), 0, 1.25),
    Trial(Candidate(8, 1 / 3, 5, 0.1 + 0.2, 7.5, 2.5, 0.8, 0.3), (0.6, 2 / 3), 1, 0.5),
    Trial(Candidate(3, 0.3, 10), (0.5, 0.5), 2, 0.5),
]


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings)


def runs_of(registry: Registry, key: str = "a") -> TrialRuns:
    """As a process that has just started has them."""
    return TrialRuns(registry.experiment_id, "the model", key)


def test_trials_come_back_to_the_last_bit_by_number(registry: Registry) -> None:
    store = runs_of(registry)
    assert store.earlier() == []
    for trial in TRIALS:
        store.add(trial)
    assert runs_of(registry).earlier() == TRIALS
    assert runs_of(registry).run_id == store.run_id


def test_a_trial_is_a_nested_run_with_parameters_and_figures(registry: Registry) -> None:
    store = runs_of(registry)
    store.add(TRIALS[1])
    client = mlflow.MlflowClient()
    [run] = client.search_runs([registry.experiment_id], f"tags.`mlflow.parentRunId` = '{store.run_id}'")
    assert (run.info.run_name, run.info.status) == ("trial 1", "FINISHED")
    assert (run.data.params["max_depth"], run.data.params["rounds"]) == ("8", "5")
    assert run.data.metrics["validation_average_precision"] == pytest.approx(TRIALS[1].mean)
    assert run.data.metrics["validation_average_precision_fold_2"] == 2 / 3
    assert run.data.metrics["seconds"] == 0.5


def test_a_trial_killed_half_way_is_no_trial_and_is_removed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = runs_of(registry)
    store.add(TRIALS[0])
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "set_terminated", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.add(TRIALS[1])
    assert runs_of(registry).earlier() == TRIALS[:1]
    trials = mlflow.MlflowClient().search_runs([registry.experiment_id], "tags.trial LIKE '%'")
    assert [run.data.tags["trial"] for run in trials] == ["0"]


def test_after_a_gap_trials_are_made_again(registry: Registry) -> None:
    for trial in (TRIALS[0], TRIALS[2]):
        runs_of(registry).add(trial)
    assert runs_of(registry).earlier() == TRIALS[:1]


def test_another_search_and_one_whose_model_is_registered_begin_from_nothing(registry: Registry) -> None:
    store = runs_of(registry)
    store.add(TRIALS[0])
    assert runs_of(registry, "b").earlier() == []
    mlflow.MlflowClient().set_tag(store.run_id, "registered_version", "1")
    assert runs_of(registry).earlier() == []


def test_a_key_is_that_of_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_key({"a": 1, "b": day(1)}) == search_key({"b": day(1), "a": 1})
    assert search_key({"a": 1}) != search_key({"a": 2})
    before = search_key({"a": 1})
    monkeypatch.setattr("common.ml.trial_runs.STARTING_POINTS", ())
    assert search_key({"a": 1}) != before


def test_a_training_killed_in_its_search_goes_on_in_its_run_and_makes_the_same_model(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.ml.search.MAX_ROUNDS", 20)

    def trained(store: TrialRuns | None) -> Trained:
        return train(
            a_world(),
            rules_hit=no_rules(),
            protocol=protocol_at(day(60, 0), train_days=25),
            cards_per_day=3,
            seed=1,
            limits=Limits(2, 600.0),
            store=store,
        )

    add = TrialRuns.add

    def killed(self: TrialRuns, trial: Trial) -> None:
        add(self, trial)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrialRuns, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(runs_of(registry))
    store = runs_of(registry)
    went_on = trained(store)
    assert went_on.model == trained(None).model
    kept = sorted(went_on.trials, key=lambda trial: trial.number)
    assert [replace(trial, seconds=0.0) for trial in runs_of(registry).earlier()] == [
        replace(trial, seconds=0.0) for trial in kept
    ]
    # Killed once more, after parameters were logged and before the version was made.
    for job_run, parameters in (("1", {"ensemble": 1}), ("2", {"ensemble": 1}), ("3", {"ensemble": 5})):
        log_and_register(
            registry,
            went_on,
            parameters=parameters,
            data_versions={},
            commit="abc123",
            pictures={},
            job_run=job_run,
            run_id=store.run_id,
        )
    client = mlflow.MlflowClient()
    first, again, other = (client.get_model_version(registry.model, str(number)) for number in (1, 2, 3))
    assert first.run_id == again.run_id == store.run_id != other.run_id
    runs = [client.get_run(version.run_id).data for version in (again, other)]
    assert [run.params["ensemble"] for run in runs] == ["1", "5"], "a run has the parameters of its model"
    assert [run.tags["job_run"] for run in runs] == ["2", "3"]
    assert runs_of(registry).earlier() == [], "what is registered is not gone on from"
