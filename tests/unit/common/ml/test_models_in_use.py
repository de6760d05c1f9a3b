"""A stream's champion and challenger: the registry's while they can be used, else what the stream can go on with."""

import pickle
import socket
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from small_models import by_hand, register, register_champion, small_model

from common.contracts.features import FEATURE_NAMES
from common.ml import models_in_use
from common.ml.champion import Champion
from common.ml.model_versions import ALIAS, CHALLENGER
from common.ml.models_in_use import ModelsInUse
from common.ml.registry import Registry
from common.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    """With a champion, version 1."""
    made = Registry(settings)
    register_champion(made)
    return made


@pytest.fixture
def in_use(registry: Registry) -> ModelsInUse:
    found = registry.champion()
    assert found is not None
    return ModelsInUse(found.model)


def crown(registry: Registry, number: int) -> None:
    """Gives a version the alias champion, and takes challenger from it."""
    mlflow.MlflowClient().set_registered_model_alias(registry.model, ALIAS, str(number))
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, CHALLENGER)


@pytest.fixture
def away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a registry that doesn't answer."""
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    with socket.socket() as listening:  # nobody listens on its port once it is closed
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    return replace(settings, platform=replace(settings.platform, registry_uri=f"http://127.0.0.1:{port}"))


def test_a_new_champion_is_taken_at_once(settings: Settings, registry: Registry, in_use: ModelsInUse) -> None:
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    register_champion(registry)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert in_use.champion.version == "2"


def test_a_champion_that_needs_what_is_not_computed_leaves_the_old_one(
    settings: Settings, registry: Registry, in_use: ModelsInUse
) -> None:
    crown(registry, register(registry, small_model(features=(*FEATURE_NAMES, "shoe_size"))))
    news = in_use.ask(settings, FEATURE_NAMES)[ALIAS]
    assert "champion version 2 can't be used" in news
    assert "shoe_size" in news
    assert news.endswith("scoring goes on with version 1")
    assert in_use.ask(settings, FEATURE_NAMES) == {}  # told once
    assert in_use.champion.version == "1"
    mlflow.MlflowClient().set_registered_model_alias(registry.model, ALIAS, "1")
    assert in_use.ask(settings, FEATURE_NAMES) == {ALIAS: ""}


def test_a_champion_made_by_hand_leaves_the_old_one(
    settings: Settings, registry: Registry, in_use: ModelsInUse
) -> None:
    mlflow.MlflowClient().set_registered_model_alias(registry.model, ALIAS, str(by_hand(registry)))
    assert "champion version 2 can't be used" in in_use.ask(settings, FEATURE_NAMES)[ALIAS]
    assert in_use.champion.version == "1"


def test_without_the_alias_the_old_one_goes_on(settings: Settings, registry: Registry, in_use: ModelsInUse) -> None:
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, ALIAS)
    news = "no version has the alias champion; scoring goes on with version 1"
    assert in_use.ask(settings, FEATURE_NAMES) == {ALIAS: news}


def test_a_registry_that_does_not_answer_is_told_once_and_found_again(
    settings: Settings, registry: Registry, in_use: ModelsInUse, away: Settings
) -> None:
    register(registry)
    in_use.ask(settings, FEATURE_NAMES)
    news = "the model registry doesn't answer; scoring goes on with version 1"
    assert [in_use.ask(away, FEATURE_NAMES) for _ in range(2)] == [{ALIAS: news}, {}]
    assert (in_use.champion.version, version(in_use.challenger)) == ("1", "2")
    assert in_use.ask(settings, FEATURE_NAMES) == {ALIAS: ""}


def version(model: Champion | None) -> str | None:
    return model.version if model else None


def test_a_challenger_is_taken_with_the_next_question_and_leaves_with_its_alias(
    settings: Settings, registry: Registry, in_use: ModelsInUse
) -> None:
    assert in_use.ask_for_challenger(settings, FEATURE_NAMES) == {}
    assert in_use.challenger is None
    register(registry)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert version(in_use.challenger) == "2"
    register(registry)
    assert in_use.ask_for_challenger(settings, FEATURE_NAMES) == {}
    assert version(in_use.challenger) == "3"
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, CHALLENGER)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert in_use.challenger is None
    assert in_use.champion.version == "1"


def test_a_challenger_that_is_promoted_decides_from_then_on_and_scores_beside_nobody(
    settings: Settings, registry: Registry, in_use: ModelsInUse
) -> None:
    register(registry)
    in_use.ask(settings, FEATURE_NAMES)
    beside = in_use.challenger
    registry.make_champion(2)  # killed here, promotion leaves it both aliases
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert in_use.champion is beside, "loaded once"
    assert in_use.challenger is None
    crown(registry, 2)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert in_use.challenger is None


@pytest.mark.parametrize("kind", ["other features", "made by hand", "no booster", "a booster of other features"])
def test_a_challenger_that_can_not_be_used_scores_beside_nobody_and_is_told_once(
    settings: Settings, registry: Registry, in_use: ModelsInUse, kind: str
) -> None:
    register(registry)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    number = broken(registry, kind)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(registry.model, CHALLENGER, str(number))
    news = in_use.ask(settings, FEATURE_NAMES)
    assert list(news) == [CHALLENGER]
    assert news[CHALLENGER].startswith(f"challenger version {number} can't be used: ")
    assert news[CHALLENGER].endswith("; scoring goes on without it")
    assert in_use.challenger is None
    assert in_use.champion.version == "1"
    assert in_use.ask(settings, FEATURE_NAMES) == in_use.ask_for_challenger(settings, FEATURE_NAMES) == {}
    client.set_registered_model_alias(registry.model, CHALLENGER, "2")
    assert in_use.ask(settings, FEATURE_NAMES) == {CHALLENGER: ""}
    assert version(in_use.challenger) == "2"


def broken(registry: Registry, kind: str) -> int:
    """Registers a version that nothing can be scored with."""
    if kind == "made by hand":
        return by_hand(registry)
    names = (*FEATURE_NAMES, "shoe_size") if kind == "other features" else FEATURE_NAMES
    number = register(registry, small_model(features=names))
    booster = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.model}/{number}")) / "model.ubj"
    if kind == "no booster":
        booster.write_bytes(b"not a booster")
    if kind == "a booster of other features":
        booster.write_bytes(small_model(features=FEATURE_NAMES[:3]).booster)
    return number


def test_a_registry_that_does_not_answer_for_the_challenger_changes_nothing(
    settings: Settings, registry: Registry, in_use: ModelsInUse, away: Settings
) -> None:
    silent = "the model registry doesn't answer for a challenger; scoring goes on "
    register(registry)
    assert in_use.ask_for_challenger(away, FEATURE_NAMES) == {CHALLENGER: f"{silent}without one"}
    assert in_use.challenger is None
    assert in_use.ask_for_challenger(settings, FEATURE_NAMES) == {CHALLENGER: ""}
    assert in_use.ask_for_challenger(away, FEATURE_NAMES) == {CHALLENGER: f"{silent}beside version 2"}
    assert version(in_use.challenger) == "2"


def test_models_that_stay_are_asked_for_without_mlflow(
    settings: Settings, registry: Registry, in_use: ModelsInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    register(registry)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    monkeypatch.setitem(sys.modules, "common.ml.registry", None)  # its import is an error now
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, CHALLENGER)
    assert in_use.ask(settings, FEATURE_NAMES) == {}
    assert in_use.challenger is None


def test_it_travels_to_a_worker(in_use: ModelsInUse) -> None:
    copy = pickle.loads(pickle.dumps(in_use))
    assert (copy.champion, copy.challenger, copy.trouble) == (in_use.champion, None, in_use.trouble)


def test_a_version_that_can_not_be_used_is_fetched_again_after_a_pause_alone(
    settings: Settings, registry: Registry, in_use: ModelsInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = by_hand(registry)
    mlflow.MlflowClient().set_registered_model_alias(registry.model, CHALLENGER, str(number))
    asked = []
    read = Registry.version
    monkeypatch.setattr(Registry, "version", lambda self, name: asked.append(name) or read(self, name))
    clock = [100.0]
    monkeypatch.setattr(models_in_use.time, "monotonic", lambda: clock[0])
    for _ in range(3):
        in_use.ask(settings, FEATURE_NAMES)
    assert asked == [str(number)]
    clock[0] += 61
    in_use.ask(settings, FEATURE_NAMES)
    assert asked == [str(number)] * 2
    assert in_use.trouble[CHALLENGER]
