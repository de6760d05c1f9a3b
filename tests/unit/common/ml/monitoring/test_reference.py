"""What a version's weeks are compared with is kept with the version, and so is why a new model is due."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from monitoring_builders import a_reference, a_window

from common.errors import ModelError
from common.ml.champion import Champion
from common.ml.model_versions import RETRAIN_DUE, retrain_due
from common.ml.monitoring.reference import FILE, empty_reference, from_json, keep_reference, kept_reference
from common.ml.registry import Registry, Version
from common.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Iterator[Registry]:
    """A registry with two versions, made by hand: they have no tags."""
    assert retrain_due(settings) == "", "before there is a store"
    registry = Registry(settings)
    assert retrain_due(settings) == "", "before there is a model"
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        mlflow.log_text("", "model/model.ubj")
    client = mlflow.MlflowClient()
    client.create_registered_model(registry.model)
    for _ in range(2):
        client.create_model_version(registry.model, source=f"runs:/{run.info.run_id}/model", run_id=run.info.run_id)
    assert retrain_due(settings) == "", "before there is a champion"
    client.set_registered_model_alias(registry.model, "champion", "2")
    yield registry
    mlflow.set_tracking_uri(None)


def a_version(registry: Registry, **parameters: str) -> Version:
    """A version whose run has these parameters of the fold."""
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        mlflow.log_params({f"test_fold.{name}": value for name, value in parameters.items()})
        mlflow.log_metrics({"average_precision": 0.7})
    model = Champion("1", ("amount_eur",), 0.1, 10, datetime(2030, 1, 14, tzinfo=UTC), b"")
    return Version(model, run.info.run_id, "", "")


def test_a_reference_comes_back_as_it_was_kept(registry: Registry) -> None:
    version = a_version(registry)
    reference = replace(a_reference(a_window(600, seed=1)), between_weeks={"score": (0.1, 0.05)}, rules={"night": 3})
    assert kept_reference(version) is None

    keep_reference(version, reference)

    assert kept_reference(version) == reference
    assert from_json(reference.as_json()) == reference


def test_a_reference_that_is_kept_is_never_replaced(registry: Registry) -> None:
    version = a_version(registry)
    first, other = (a_reference(a_window(600, seed=seed)) for seed in (1, 2))

    assert keep_reference(version, first) == first
    assert keep_reference(version, other) == first, "as of a run beside this one"

    assert kept_reference(version) == first


def test_one_that_was_being_written_when_its_run_was_killed_is_none(registry: Registry) -> None:
    version, whole = a_version(registry), a_reference(a_window(600, seed=1))
    mlflow.MlflowClient().log_text(version.run_id, whole.as_json()[:100], FILE)
    assert kept_reference(version) is None

    keep_reference(version, whole)

    assert kept_reference(version) == whole


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("list_artifacts", MlflowException("no route to host")),
        ("list_artifacts", OSError("no route to host")),
        ("download_artifacts", MlflowException("no route to host")),
        ("download_artifacts", OSError("no route to host")),
    ],
)
def test_a_reference_that_can_not_be_reached_is_not_one_that_is_not_there(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    version, kept = a_version(registry), a_reference(a_window(600, seed=1))
    keep_reference(version, kept)
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, method, unreachable(error))
        for ask in (lambda: kept_reference(version), lambda: keep_reference(version, a_reference(a_window(9, seed=2)))):
            with pytest.raises(type(error), match="no route"):
                ask()
    assert kept_reference(version) == kept


def test_a_run_that_can_not_be_reached_is_not_one_that_was_deleted(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = a_version(registry, train_start="2029-11-12", train_end="2030-01-07")
    monkeypatch.setattr(mlflow.MlflowClient, "get_run", unreachable(MlflowException("no route to host")))
    with pytest.raises(MlflowException, match="no route"):
        empty_reference(version)


def unreachable(error: Exception) -> Callable[..., None]:
    def fails(*_: object, **__: object) -> None:
        raise error

    return fails


@pytest.mark.parametrize(
    ("start", "start_of_weeks"),
    [("2029-11-08", date(2029, 11, 12)), ("2029-11-12", date(2029, 11, 12)), ("2030-01-04", date(2030, 1, 4))],
)
def test_the_training_window_is_the_last_whole_weeks_of_it(
    registry: Registry, start: str, start_of_weeks: date
) -> None:
    """Of three days there is no whole week: they are taken as they are."""
    found = empty_reference(a_version(registry, train_start=start, train_end="2030-01-07"))

    assert (found.start, found.end, found.rows) == (start_of_weeks, date(2030, 1, 7), 0)
    assert found.figures["average_precision"] == 0.7


def test_a_version_registered_by_hand_has_no_training_window(registry: Registry) -> None:
    by_hand = empty_reference(a_version(registry))
    without_run = empty_reference(replace(a_version(registry), run_id="0" * 32))

    assert (by_hand.start, without_run.start, dict(without_run.figures)) == (None, None, {})
    assert by_hand.text == "that its MLflow run doesn't name"


def test_a_note_on_the_champion_says_why_a_new_model_is_due(settings: Settings, registry: Registry) -> None:
    registry.note(1, {RETRAIN_DUE: "another version's"})
    assert retrain_due(settings) == ""
    registry.note(2, {RETRAIN_DUE: "sustained drift of amount_eur"})
    assert retrain_due(settings) == "sustained drift of amount_eur"
    registry.note(2, {RETRAIN_DUE: ""})
    assert retrain_due(settings) == ""


def test_a_version_is_found_by_number_and_one_made_by_hand_is_refused(registry: Registry) -> None:
    assert registry.version(99) is None
    with pytest.raises(ModelError):
        registry.version(1)


def test_without_a_sqlite_store_the_registry_itself_is_asked(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry.note(2, {RETRAIN_DUE: "asked"})
    monkeypatch.setattr("common.ml.model_versions._FILE", "no such scheme")
    assert retrain_due(settings) == "asked"
    assert retrain_due(Settings(tmp_path)) == "", "no such model"
