"""A stream's champion: the registry's while that can be used, else the one that the stream has."""

import pickle
import socket
from dataclasses import replace

import mlflow
import pytest
from small_models import by_hand, register, register_champion, small_model

from common.contracts.features import FEATURE_NAMES
from common.ml.champion_in_use import ChampionInUse
from common.ml.model_versions import ALIAS
from common.ml.registry import Registry
from common.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    """With a champion, version 1."""
    made = Registry(settings)
    register_champion(made)
    return made


@pytest.fixture
def in_use(registry: Registry) -> ChampionInUse:
    found = registry.champion()
    assert found is not None
    return ChampionInUse(found.model)


def crown(registry: Registry, number: int) -> None:
    mlflow.MlflowClient().set_registered_model_alias(registry.model, ALIAS, str(number))


def test_a_new_champion_is_taken_at_once(settings: Settings, registry: Registry, in_use: ChampionInUse) -> None:
    assert in_use.ask(settings, FEATURE_NAMES) is None
    register_champion(registry)
    assert in_use.ask(settings, FEATURE_NAMES) is None
    assert in_use.champion.version == "2"


def test_a_champion_that_needs_what_is_not_computed_leaves_the_old_one(
    settings: Settings, registry: Registry, in_use: ChampionInUse
) -> None:
    crown(registry, register(registry, small_model(features=(*FEATURE_NAMES, "shoe_size"))))
    news = in_use.ask(settings, FEATURE_NAMES)
    assert news is not None
    assert "champion version 2 can't be used" in news
    assert "shoe_size" in news
    assert news.endswith("scoring goes on with version 1")
    assert in_use.ask(settings, FEATURE_NAMES) is None  # told once
    assert in_use.champion.version == "1"
    crown(registry, 1)
    assert in_use.ask(settings, FEATURE_NAMES) == ""


def test_a_champion_made_by_hand_leaves_the_old_one(
    settings: Settings, registry: Registry, in_use: ChampionInUse
) -> None:
    crown(registry, by_hand(registry))
    assert "champion version 2 can't be used" in (in_use.ask(settings, FEATURE_NAMES) or "")
    assert in_use.champion.version == "1"


def test_without_the_alias_the_old_one_goes_on(settings: Settings, registry: Registry, in_use: ChampionInUse) -> None:
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, ALIAS)
    assert in_use.ask(settings, FEATURE_NAMES) == "no version has the alias champion; scoring goes on with version 1"


def test_a_registry_that_does_not_answer_is_told_once_and_found_again(
    settings: Settings, registry: Registry, in_use: ChampionInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    with socket.socket() as listening:  # nobody listens on its port once it is closed
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    away = replace(settings, platform=replace(settings.platform, registry_uri=f"http://127.0.0.1:{port}"))
    news = "the model registry doesn't answer; scoring goes on with version 1"
    assert [in_use.ask(away, FEATURE_NAMES) for _ in range(2)] == [news, None]
    assert in_use.ask(settings, FEATURE_NAMES) == ""


def test_it_travels_to_a_worker(in_use: ChampionInUse) -> None:
    copy = pickle.loads(pickle.dumps(in_use))
    assert (copy.champion, copy.trouble) == (in_use.champion, "")
