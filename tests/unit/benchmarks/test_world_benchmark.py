"""The benchmark of difficulties: worlds that differ in nothing else, and models that know only what was reported."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pandas as pd
import pytest
from benchmarks.handbook.simulator import Setting, simulated
from benchmarks.handbook.world import DELAY_DAYS, with_features
from benchmarks.world.__main__ import figures_table, protocols, statistics
from benchmarks.world.worlds import Known, made, worlds
from rich.console import Console

from common.contracts.features import FEATURE_NAMES
from local.simulate import World
from local.simulate.settings import DIFFICULTIES

SMALL: dict[str, Any] = {"customers": 120, "merchants": 40, "terminals": 90, "days": 40}
FRAUDS: dict[str, Any] = {"stolen_card_share": 0.1, "compromised_terminal_share": 0.1, "withdrawn_report_rate": 0.01}


@pytest.fixture(scope="module")
def known() -> Known:
    return made(replace(worlds(3)["unreported"], unreported_share=0.5, **SMALL, **FRAUDS))


def test_worlds_differ_in_their_difficulties_alone() -> None:
    made_of = worlds(7)
    strengths = {name: [world.strength(each) for each in DIFFICULTIES] for name, world in made_of.items()}
    on = {name: [value > 0 for value in values] for name, values in strengths.items()}
    assert list(on) == ["none", "drift", "mimicry", "friendly fraud", "unreported", "all"]
    assert [sum(values) for values in on.values()] == [0, 1, 1, 1, 1, 4]
    assert [max(column) for column in zip(*strengths.values(), strict=True)] == strengths["all"]
    assert strengths["all"] == [World().strength(each) for each in DIFFICULTIES]
    off = {"difficulty": 1.0, **dict.fromkeys(DIFFICULTIES, 0.0)}
    assert len({replace(world, **off) for world in made_of.values()}) == 1


def test_features_know_what_was_reported_and_not_the_truth(known: Known) -> None:
    rows, reports = known.window.rows, known.window.reports
    assert set(FEATURE_NAMES) <= set(rows)
    assert rows["transaction_id"].is_unique
    is_fraud = rows["transaction_id"].isin(known.frauds)
    reported = rows["transaction_id"].isin(reports.loc[reports["is_fraud"], "transaction_id"])
    assert rows["known_from"].notna().equals(reported)
    assert 0.3 < reported[is_fraud & (rows["day"] < rows["day"].min() + pd.Timedelta(days=8))].mean() < 0.7
    assert rows["until"].notna().any()
    for name in ("customer_merchant_count_30d", "customer_country_count_30d", "terminal_fraud_rate_30d"):
        assert rows[name].max() > 0, name


def test_reports_after_the_delay_are_what_the_handbook_has() -> None:
    payments = simulated(Setting(seed=3, customers=60, terminals=90, days=50))
    reported = (payments["event_time"] + pd.Timedelta(days=DELAY_DAYS)).where(payments["is_fraud"])
    explicit = payments.assign(known_from=reported, until=pd.Series(pd.NaT, payments.index, reported.dtype))
    by_default, given = with_features(payments), with_features(explicit)
    pd.testing.assert_frame_equal(by_default, given[by_default.columns])
    never = with_features(explicit.assign(known_from=pd.Series(pd.NaT, payments.index, reported.dtype)))
    assert by_default["terminal_fraud_rate_30d"].max() > 0
    assert never["terminal_fraud_rate_30d"].max() == 0


def test_four_weeks_in_a_row_are_judged_whose_labels_are_mature() -> None:
    folds = protocols(World())
    weeks = [fold.test.dates() for fold in folds]
    assert [week["test_start"] for week in weeks] == ["2025-08-25", "2025-09-01", "2025-09-08", "2025-09-15"]
    assert weeks[-1]["labels_known_at"] == f"{World().day(World().days)}"
    assert folds[0].validation.labels_known_at <= folds[0].test.test_start


def test_costs_are_those_of_the_same_cards(known: Known) -> None:
    rows = known.window.rows
    is_fraud = rows["transaction_id"].isin(known.frauds)
    week = rows[["event_time", "card", "amount_eur"]].assign(score=rows["amount_eur"], is_fraud=is_fraud)
    judged = {"none": [week, week], "same": [week, week], "worse": [week, week.assign(score=-week["score"])]}
    found, cards = statistics(judged, "is_fraud")
    weight = (cards == cards.iloc[0]).to_numpy() + 1.0
    for name in ("average_precision", "auc_roc", "card_precision"):
        assert found[f"none {name}"](weight) == found[f"same {name}"](weight)
    assert found["worse auc_roc"](weight) == pytest.approx(0.5)  # of a score and its contrary
    console = Console(width=150, record=True, file=StringIO())
    console.print(figures_table("t", judged, "is_fraud"))
    assert "+0.000 (+0.000 to +0.000)" in console.export_text()
