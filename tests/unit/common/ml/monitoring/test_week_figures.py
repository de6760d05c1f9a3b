"""Rates against the training window and the alert budget, freshness, and performance against that of the test week."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from monitoring_builders import FIRST, judged_transactions
from sklearn.metrics import average_precision_score

from common.ml.metrics import evaluate
from common.ml.monitoring.figures import freshness, performance, rates
from common.ml.monitoring.measured import Measured
from common.ml.monitoring.reference import Reference
from common.ml.monitoring.weeks import WEEK, Day, Week

REFERENCE = Reference("1", FIRST - 8 * WEEK, FIRST, rules={"often": 600, "never": 0}, rule_rows=60_000)
BUDGET = 10


def a_week(rows: int = 1000, cards: int = 10, often: int = 10, hours_behind: float = 0.5) -> Week:
    day = Day(FIRST, "1", rows, 0, cards, cards, hours_behind, {"often": often, "never": 0, "new": 5})
    return Week(FIRST, "1", [replace(day, day=FIRST + timedelta(number)) for number in range(7)])


def named(measured: list[Measured]) -> dict[tuple[str, str], Measured]:
    return {(m.metric, m.subject): m for m in measured}


@pytest.mark.parametrize(("cards", "is_breached"), [(10, False), (19, False), (26, True), (2, True), (0, True)])
def test_cards_with_an_alert_are_held_against_the_budget(cards: int, is_breached: bool) -> None:
    figures = named(rates(a_week(cards=cards), REFERENCE, BUDGET))

    found = figures["alerted_cards_per_day", "model"]
    assert (found.value, found.baseline, found.is_breached) == (cards, BUDGET, is_breached)
    assert figures["alert_rate", "model"].value == pytest.approx(cards / 1000)


@pytest.mark.parametrize(("often", "is_breached"), [(10, False), (25, False), (40, True), (1, True)])
def test_a_rule_fires_about_as_often_as_in_training(often: int, is_breached: bool) -> None:
    figures = named(rates(a_week(often=often), REFERENCE, BUDGET))

    found = figures["rule_rate", "often"]
    assert (found.value, found.baseline) == (pytest.approx(often / 1000), pytest.approx(0.01))
    assert found.is_breached == is_breached


@pytest.mark.parametrize("rule", ["never", "new"])
def test_a_rule_that_never_fired_in_training_has_nothing_to_be_compared_with(rule: str) -> None:
    found = named(rates(a_week(), REFERENCE, BUDGET))["rule_rate", rule]
    assert (found.is_breached, found.baseline, found.note) == (None, None, "")


def test_few_transactions_give_no_verdict_on_a_rate() -> None:
    found = named(rates(a_week(rows=70, cards=0), REFERENCE, BUDGET))["alerted_cards_per_day", "model"]
    assert (found.is_breached, found.note) == (None, "no verdict: 490 transactions, 500 are needed")


def test_freshness_is_the_hours_to_the_weeks_end() -> None:
    figures = named(freshness(a_week(hours_behind=0.5), 30.0))
    stopped = Week(FIRST, "1", a_week().days[:4])

    assert [m.value for m in figures.values()] == [0.5, 30.0]
    assert not any(m.is_breached for m in figures.values())
    found = named(freshness(stopped, 24.0 * 8))
    assert found["hours_behind", "gold.transaction_scores"].value == 72.5
    assert all(m.is_breached for m in found.values())


def test_a_source_without_reports_gets_no_verdict_on_them() -> None:
    found = named(freshness(a_week(), None))["hours_behind", "silver.fraud_reports"]
    assert (found.value, found.is_breached) == (None, None)
    assert found.note


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return judged_transactions(seed=3)


def with_figures(**figures: float) -> Reference:
    return replace(REFERENCE, figures=figures)


def test_performance_is_that_of_the_weeks_own_labels(judged: pd.DataFrame) -> None:
    figures = named(performance(judged, REFERENCE, BUDGET))

    found = evaluate(judged, BUDGET)
    values = {metric: m.value for (metric, _), m in figures.items()}
    assert values == {
        "average_precision": pytest.approx(average_precision_score(judged["is_fraud"], judged["score"])),
        "card_precision": found.card_precision,
        "recall": found.recall,
        "calibration_ratio": pytest.approx(judged["score"].sum() / judged["is_fraud"].sum()),
    }
    assert {m.rows for m in figures.values()} == {int(judged["is_fraud"].sum())}


def test_performance_is_lost_where_it_falls_by_more_than_is_allowed(judged: pd.DataFrame) -> None:
    now = named(performance(judged, REFERENCE, BUDGET))["average_precision", "model"].value
    assert now is not None

    def is_lost(before: float) -> bool | None:
        figures = named(performance(judged, with_figures(average_precision=before), BUDGET))
        return figures["average_precision", "model"].is_breached

    assert [is_lost(now), is_lost(now * 1.2), is_lost(min(now * 2, 1.0))] == [False, False, True]


def test_scores_that_expect_too_much_are_not_calibrated(judged: pd.DataFrame) -> None:
    share = judged["is_fraud"].mean()

    def breached(factor: float) -> bool | None:
        scored = judged.assign(score=share * factor)
        return named(performance(scored, REFERENCE, BUDGET))["calibration_ratio", "model"].is_breached

    assert [breached(factor) for factor in (0.4, 1.0, 2.5)] == [True, False, True]


def test_a_week_with_few_frauds_gets_no_verdict_and_one_without_fraud_no_figure(judged: pd.DataFrame) -> None:
    few = pd.concat([judged[judged["is_fraud"]].head(29), judged[~judged["is_fraud"]]])
    none = judged[~judged["is_fraud"]]

    for m in performance(few, with_figures(average_precision=0.99), BUDGET):
        assert m.is_breached is None
        assert m.note == "no verdict: 29 frauds, 30 are needed" or m.at_least is m.at_most is None
    assert {m.value for m in performance(none, REFERENCE, BUDGET)} == {None}


def test_without_a_known_budget_the_figures_that_need_none_are_measured(judged: pd.DataFrame) -> None:
    assert {m.metric for m in performance(judged, REFERENCE, None)} == {"average_precision", "calibration_ratio"}
    assert named(rates(a_week(), REFERENCE, None))["alerted_cards_per_day", "model"].is_breached is None
