"""Rollback: to the champion before or the one that is named, once, noted, and never to what can't score."""

import mlflow
import pytest
from small_models import by_hand, judged_as, register, register_champion

from common.contracts.features import FEATURE_NAMES
from common.errors import ModelError
from common.ml.promote import next_contest
from common.ml.registry import Registry, champion_or_reason
from common.ml.rollback import plan_rollback, roll_back
from common.ml.ruling import settle
from common.ml.version import Version
from common.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings)


def back(registry: Registry, to_version: int = 0, reason: str = "misses stolen cards") -> str:
    return roll_back(registry, plan_rollback(registry, to_version), reason=reason, by="run 7")


def champion_number(registry: Registry) -> int | None:
    return registry.alias_number("champion")


def test_the_champion_before_gets_the_alias_back_and_both_say_why(registry: Registry, settings: Settings) -> None:
    for _ in range(3):
        register_champion(registry)
    assert plan_rollback(registry).text.startswith("the champion is version 3; version 2, tested from 2030-02-10,")
    assert back(registry) == "version 2 is the champion again, by run 7: misses stolen cards"
    assert champion_number(registry) == 2
    tags = registry.tags(3)
    assert (tags["decision"], tags["rolled_back_to"], tags["rolled_back_by"]) == ("rolled_back", "2", "run 7")
    assert registry.description(3).startswith(
        "**Version 3 was rolled back to version 2, by run 7: misses stolen cards**"
    )
    assert registry.description(2).startswith("**Version 2 is the champion again")
    scoring = champion_or_reason(settings)
    assert not isinstance(scoring, str)
    assert scoring.version == "2"
    back(registry)
    assert champion_number(registry) == 1, "and to the one before that"


def test_the_next_run_does_not_promote_what_was_rolled_back_but_one_that_is_trained_later(registry: Registry) -> None:
    register_champion(registry)
    register_champion(registry)
    back(registry)
    contest = next_contest(registry)
    assert contest.text.startswith("nothing to promote: version 2 was rolled back, by run 7: misses stolen cards")
    settle(registry, contest, judged_as(contest))
    assert champion_number(registry) == 1
    register(registry)
    contest = next_contest(registry)
    settle(registry, contest, judged_as(contest))
    assert champion_number(registry) == 3
    assert registry.tags(3)["previous_champion"] == "1"


def test_a_rollback_that_was_a_mistake_is_undone_by_naming_the_version(registry: Registry) -> None:
    register_champion(registry)
    register_champion(registry)
    back(registry)
    back(registry, to_version=2)
    assert champion_number(registry) == 2
    assert (registry.tags(2)["decision"], registry.tags(1)["decision"]) == ("promoted", "rolled_back")
    assert "rolled_back_at" not in registry.tags(2)


def test_killed_before_the_alias_moves_it_is_run_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    register_champion(registry)
    register_champion(registry)
    with monkeypatch.context() as killed:
        killed.setattr(Registry, "make_champion", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            back(registry)
    assert champion_number(registry) == 2
    assert not next_contest(registry).candidate
    back(registry)
    assert champion_number(registry) == 1


def test_without_a_note_of_the_one_before_the_newest_earlier_champion_is_it(registry: Registry) -> None:
    for _ in range(3):
        register_champion(registry)
    registry.forget(3, "previous_champion")  # as a release had it that noted none
    back(registry)
    assert champion_number(registry) == 2


def test_without_one_before_it_is_refused(registry: Registry) -> None:
    with pytest.raises(ModelError, match="there is no champion before"):
        back(registry)
    register_champion(registry)
    with pytest.raises(ModelError, match=r"there is no champion before .* to_version=N"):
        back(registry)
    assert champion_number(registry) == 1


@pytest.mark.parametrize(
    ("to_version", "why"),
    [
        (2, "to_version=2: it is the champion already"),
        (3, "to_version=3: it was never champion, it waits for promotion"),
        (9, "to_version=9: there is no such version"),
    ],
)
def test_a_version_that_can_not_take_its_place_is_refused(registry: Registry, to_version: int, why: str) -> None:
    register_champion(registry)
    register_champion(registry)
    register(registry)
    with pytest.raises(ModelError, match=why):
        back(registry, to_version)
    assert champion_number(registry) == 2


def test_features_that_are_not_computed_any_more_are_refused(registry: Registry) -> None:
    register_champion(registry)
    register_champion(registry)
    with pytest.raises(ModelError, match="version 1 needs features that are not computed any more: is_night"):
        plan_rollback(registry, 0, [name for name in FEATURE_NAMES if name != "is_night"])
    plan_rollback(registry, 0, [*FEATURE_NAMES, "another"])


def test_a_champion_that_was_deleted_from_the_registry(registry: Registry, settings: Settings) -> None:
    """Scoring waits and says so, the next model stands against the rules, and rollback finds the last one promoted."""
    register_champion(registry)
    register_champion(registry)
    mlflow.MlflowClient().delete_model_version(registry.model, "2")
    reason = champion_or_reason(settings)
    assert reason == "no champion: version 1 was champion and is not any more, won"
    register(registry)
    assert next_contest(registry).text == "version 3 against the rules alone"
    back(registry)
    assert champion_number(registry) == 1


def test_a_champion_made_by_hand_that_can_not_score_gives_way_to_the_last_that_was_promoted(
    registry: Registry,
) -> None:
    register_champion(registry)
    assert by_hand(registry) == 2
    mlflow.MlflowClient().set_registered_model_alias(registry.model, "champion", "2")
    with pytest.raises(ModelError, match=r"no 'fraud_model' in its MLmodel(?s:.*)`lakehouse run rollback_model`"):
        registry.champion()
    noted: list[Version] = []
    roll_back(registry, plan_rollback(registry), reason="", by="run 7", note=lambda version, _: noted.append(version))
    assert champion_number(registry) == 1
    assert "no reason given" in registry.tags(2)["reason"]
    assert noted == [], "there is no whole version that the table could speak of"
