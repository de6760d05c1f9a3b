from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ml_builders import day

from common.contracts.features import FEATURE_NAMES
from common.ml.champion import Champion
from common.ml.due import Plan, plan_training
from common.ml.registry import Version
from common.ml.window import whole_day

NEWEST = day(60, 23) + timedelta(minutes=30)
"""The last hour of day 60: as_of is day 61, T is day 47."""


def version(test_start: datetime, number: str = "1", decision: str = "promoted") -> Version:
    return Version(Champion(number, FEATURE_NAMES, 0.1, 10, test_start, b""), "run", decision, "")


def plan(
    champion: Version | None,
    newest: Version | None = None,
    *,
    as_of: str = "",
    cards_per_day: int = 10,
    after: int = 7,
    review_cost_eur: float | None = None,
) -> Plan:
    return plan_training(
        newest_event=NEWEST,
        champion=champion,
        newest=newest or champion,
        as_of=as_of,
        train_days=30,
        retrain_after_days=after,
        cards_per_day=cards_per_day,
        review_cost_eur=review_cost_eur,
    )


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        pytest.param(datetime(2030, 3, 2, 23, 0, tzinfo=UTC), datetime(2030, 3, 3, tzinfo=UTC), id="last hour"),
        pytest.param(datetime(2030, 3, 2, 22, 59, 59, tzinfo=UTC), datetime(2030, 3, 2, tzinfo=UTC), id="before it"),
        pytest.param(datetime(2030, 3, 2, tzinfo=UTC), datetime(2030, 3, 2, tzinfo=UTC), id="first moment"),
    ],
)
def test_a_day_is_whole_once_its_last_hour_is_there(newest: datetime, expected: datetime) -> None:
    assert whole_day(newest) == expected


def test_the_test_week_is_the_last_whose_labels_are_mature() -> None:
    protocol = plan(None).protocol
    assert protocol is not None
    assert protocol.test.test_start == day(47, 0)


def test_as_of_takes_the_place_of_the_newest_event() -> None:
    protocol = plan(None, as_of="2030-02-20").protocol
    assert protocol is not None
    assert protocol.test.labels_known_at == datetime(2030, 2, 20, tzinfo=UTC)


def test_without_a_champion_a_model_is_due() -> None:
    assert plan(None) == replace(plan(None), is_due=True, reason="there is no champion")


@pytest.mark.parametrize(("age_days", "is_due"), [(0, False), (6, False), (7, True), (8, True)])
def test_a_champion_is_old_after_so_many_days_of_data(age_days: int, is_due: bool) -> None:
    result = plan(version(day(47 - age_days, 0)))
    assert result.is_due == is_due
    assert (f"{age_days} days of data arrived" if is_due else "up to date") in result.reason


def test_with_retrain_after_0_days_the_same_data_is_still_not_trained_twice() -> None:
    assert not plan(version(day(47, 0)), after=0).is_due
    assert plan(version(day(46, 0)), after=0).is_due


def test_other_features_or_another_budget_make_a_model_due() -> None:
    champion = version(day(47, 0))
    old = replace(champion, model=replace(champion.model, features=FEATURE_NAMES[1:]))
    assert plan(old).reason == "the features changed: amount_eur"
    assert plan(champion, cards_per_day=20).reason == "the alert budget changed from 10 to 20 cards a day"


def test_features_that_were_offered_and_left_out_make_no_model_due() -> None:
    champion = version(day(47, 0))
    fed = replace(champion.model, features=FEATURE_NAMES[2:], left_out=FEATURE_NAMES[:2])
    assert "is up to date" in plan(replace(champion, model=fed)).reason
    waiting = replace(champion, model=fed, decision="")
    assert plan(version(day(30, 0)), waiting).reason.endswith("waits for promotion")


def test_a_feature_that_was_not_offered_makes_one_due_once() -> None:
    champion = version(day(47, 0))
    before = replace(champion, model=replace(champion.model, features=FEATURE_NAMES[2:], left_out=FEATURE_NAMES[:1]))
    assert plan(before).reason == f"the features changed: {FEATURE_NAMES[1]}"
    offered = replace(champion.model, version="2", features=FEATURE_NAMES[2:], left_out=FEATURE_NAMES[:2])
    assert not plan(before, replace(before, model=offered, decision="kept_out")).is_due


def test_another_review_cost_makes_a_model_due() -> None:
    champion = version(day(47, 0))
    priced = replace(champion, model=replace(champion.model, review_cost_eur=2.5))
    assert plan(champion, review_cost_eur=2.5).reason == "the review cost changed from none to 2.5 euro a card"
    assert plan(priced).reason == "the review cost changed from 2.5 euro a card to none"
    assert not plan(priced, review_cost_eur=2.5).is_due
    assert plan(champion, priced, review_cost_eur=2.5).reason.startswith("version 1 was trained up to the same day")


def test_a_version_of_the_same_data_waits_for_promotion_or_was_kept_out() -> None:
    waiting = version(day(47, 0), number="2", decision="")
    assert plan(version(day(30, 0)), waiting).reason.endswith("waits for promotion")
    kept_out = plan(None, version(day(47, 0), number="2", decision="kept_out"))
    assert not kept_out.is_due
    assert kept_out.reason.startswith("version 2 was trained up to the same day (2030-02-17) and was kept out")


def test_a_champion_that_was_rolled_back_is_not_trained_again_from_the_same_data() -> None:
    withdrawn = plan(version(day(30, 0)), version(day(47, 0), number="2", decision="promoted"))
    assert not withdrawn.is_due
    assert withdrawn.reason.endswith("and was champion and is not any more")


def test_a_version_kept_out_long_ago_does_not_stop_a_new_one() -> None:
    assert plan(None, version(day(40, 0), number="2", decision="kept_out")).is_due


def test_without_transactions_there_is_no_protocol() -> None:
    nothing = plan_training(
        newest_event=None,
        champion=None,
        newest=None,
        as_of="",
        train_days=30,
        retrain_after_days=7,
        cards_per_day=10,
    )
    assert (nothing.is_due, nothing.protocol) == (True, None)
