"""Versions that a person registers in MLflow: skipped with a word or kept out, while the champion goes on scoring."""

from pathlib import Path

import mlflow
import pytest
from ml_builders import a_world, no_rules
from small_models import by_hand, register, register_champion, small_model

from common.ml.promote import judge, next_contest
from common.ml.registry import Registry, champion_or_reason
from common.ml.version import UnusableVersion, scores_by
from common.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    """With a champion, version 1."""
    made = Registry(settings)
    register_champion(made)
    return made


def assert_skipped(registry: Registry, settings: Settings, word: str) -> None:
    with pytest.raises(UnusableVersion, match=word):
        registry.version(2)
    newest = registry.newest()
    assert newest is not None
    assert newest.number == 1
    text = next_contest(registry).text
    assert text.startswith("nothing to promote: version 1 is champion")
    assert "Skipped: " in text
    assert f"{registry.model} version 2" in text
    scoring = champion_or_reason(settings)
    assert not isinstance(scoring, str)
    assert scoring.version == "1"


def test_without_what_training_writes_it_is_skipped(registry: Registry, settings: Settings) -> None:
    by_hand(registry, signature=True)
    assert_skipped(registry, settings, "version 2 has no 'fraud_model' in its MLmodel, where training writes it")


def test_without_a_threshold_it_is_skipped(registry: Registry, settings: Settings) -> None:
    known = scores_by(small_model())
    del known["threshold"]
    by_hand(registry, known, signature=True)
    assert_skipped(registry, settings, "has no 'threshold' in its MLmodel")


def test_with_a_threshold_that_is_no_number_it_is_skipped(registry: Registry, settings: Settings) -> None:
    by_hand(registry, scores_by(small_model()) | {"threshold": "high"}, signature=True)
    assert_skipped(registry, settings, "the MLmodel of .*version 2 is not as training writes it: .*high")


def test_without_a_signature_it_is_skipped(registry: Registry, settings: Settings) -> None:
    by_hand(registry, scores_by(small_model()))
    assert_skipped(registry, settings, "has no signature")


def test_with_other_inputs_than_it_says_it_is_skipped(registry: Registry, settings: Settings) -> None:
    by_hand(registry, scores_by(small_model()) | {"features": ["amount_eur", "age_of_moon"]}, signature=True)
    assert_skipped(registry, settings, "has other inputs than the features in its MLmodel: age_of_moon, ")


def test_with_its_files_gone_it_is_skipped(registry: Registry, settings: Settings) -> None:
    register(registry, small_model())
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.model}/2"))
    for file in folder.rglob("*"):
        if file.is_file():
            file.unlink()
    folder.rmdir()
    assert_skipped(registry, settings, "are gone|lacks a file")


def test_with_features_that_are_not_computed_it_is_kept_out(registry: Registry) -> None:
    register(registry, small_model(features=("amount_eur", "age_of_moon")))
    outcome = judge(next_contest(registry), a_world(), no_rules(), seed=1)
    assert outcome.verdict is not None
    assert not outcome.verdict.passed
    assert outcome.text == "failed 1 of 1 criteria. Not computed now: age_of_moon."


def test_a_store_that_can_not_be_reached_is_no_reason_to_skip(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise mlflow.exceptions.MlflowException("no route to host")

    register(registry)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", unreachable)
    with pytest.raises(mlflow.exceptions.MlflowException, match="no route"):
        registry.newest()
