"""What the training notebook shows where there is nothing to train, and where there are too few labels for it."""

from collections.abc import Mapping

import pytest
from ml_builders import a_world, day, no_rules

from common.ml import training_steps
from common.ml.due import Plan
from common.ml.enough_labels import TooFewLabels
from common.ml.folds import protocol_at
from common.ml.registry import Registry
from common.ml.training_steps import Training, register_trained, train_planned, training_facts
from common.settings import Settings
from common.storage.lake import Lake


class Tables(Lake):
    """A lake whose tables are there and are not to be read: the steps' readers are replaced."""

    def exists(self, table: object) -> bool:
        return True


def no_session() -> None:
    raise AssertionError("a session was opened")


def no_pictures(_: object) -> dict[str, object]:
    raise AssertionError("there is nothing to draw")


@pytest.fixture
def lake(settings: Settings) -> Tables:
    return Tables(no_session, settings)  # type: ignore[arg-type]


def a_plan(*, is_due: bool = True, days: int = 60) -> Plan:
    return Plan(is_due, "the reason", protocol_at(day(days, 0), train_days=25) if days else None)


def planned(lake: Lake, plan: Plan, parameters: Mapping[str, object] | None = None) -> Training:
    return train_planned(
        lake,
        Registry(lake.settings),
        plan,
        parameters or {"seed": 1},
        alert_budget_cards_per_day=3,
        review_cost_eur="",
        search_trials=1,
        search_minutes=1.0,
        ensemble=1,
        seed=1,
    )


@pytest.mark.parametrize(
    ("plan", "reason", "lacks_labels"),
    [
        (a_plan(is_due=False), "the reason", False),
        (a_plan(days=0), "not enough labels: 0 frauds to train on (50 needed), 0 to test on (10 needed): ", True),
    ],
)
def test_without_a_plan_or_data_nothing_is_read_and_the_reason_is_shown(
    lake: Lake, plan: Plan, reason: str, lacks_labels: bool
) -> None:
    training = planned(lake, plan)

    assert (training.trained, training.rows_read, training.lacks_labels) == (None, 0, lacks_labels)
    assert training.reason.startswith(reason)
    assert training.table().iloc[0, 0] == training.reason
    assert training_facts(training) == {}


def test_what_was_read_is_shown_where_it_was_not_enough(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(fraud_share=0.005)
    monkeypatch.setattr(training_steps, "read_window", lambda *_: world)
    monkeypatch.setattr(training_steps, "rules_fired", lambda *_: no_rules())
    monkeypatch.setattr(training_steps, "data_versions", lambda _: {})

    training = planned(lake, a_plan())

    assert (training.trained, training.rows_read, training.lacks_labels) == (None, len(world.rows), True)
    assert training.folds.loc["final, test", "transactions"] == 7 * 150
    assert training.reason.startswith("not enough labels: ")


def test_a_training_goes_on_only_from_one_with_the_same_parameters_data_and_days(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"gold.transaction_features": 1}
    monkeypatch.setattr(training_steps, "data_versions", lambda _: versions)
    monkeypatch.setattr(training_steps, "code_commit", lambda: "abc123")
    of_budget = {"alert_budget_cards_per_day": 3, "run_id": "1", "force": False}
    keys: list[str] = []
    monkeypatch.setattr(training_steps, "TrialRuns", lambda *given: keys.append(given[2]))
    monkeypatch.setattr(training_steps, "read_window", lambda *_: a_world(days=60))
    monkeypatch.setattr(training_steps, "rules_fired", lambda *_: no_rules())
    monkeypatch.setattr(training_steps, "train", too_few)

    planned(lake, a_plan(), of_budget)
    planned(lake, a_plan(), of_budget | {"run_id": "2", "force": True})
    planned(lake, a_plan(), of_budget | {"alert_budget_cards_per_day": 4})
    planned(lake, a_plan(days=61), of_budget)
    versions["gold.transaction_features"] = 2
    planned(lake, a_plan(), of_budget)

    assert keys[0] == keys[1], "the job run changes nothing of the model"
    assert len(set(keys)) == 4


def too_few(*_: object, **__: object) -> None:
    raise TooFewLabels("too few")


def test_too_few_labels_are_noted_for_whoever_scores_and_no_other_reason_is(lake: Lake) -> None:
    registry = Registry(lake.settings)
    assert register_trained(lake, registry, Training(None, "not due"), no_pictures) == "not due"
    assert registry.not_trained() is None
    assert register_trained(lake, registry, Training(None, "too few", lacks_labels=True), no_pictures) == "too few"
    assert registry.not_trained() == "too few"
