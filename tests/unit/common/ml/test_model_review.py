"""Frauds won and lost, slices and importance of two models, and what is shown where there is one model or none."""

from dataclasses import replace

import numpy as np
import pytest
from IPython.display import Image, Markdown
from matplotlib.figure import Figure
from ml_builders import a_world, judged, no_rules
from small_models import register, register_champion, small_model
from test_gate import evidence, noisy
from test_slices import parted

from common.looks.model import look_at_criteria, look_at_examples, look_at_review, look_at_versions
from common.looks.model_review import RIVAL, reliability, reliability_points, slices
from common.ml.evidence import Evidence
from common.ml.metrics import average_precision, evaluate
from common.ml.model_review import (
    caught_at_budget,
    contest_to_review,
    counts_won_and_lost,
    importances,
    slices_table,
    won_and_lost,
)
from common.ml.promote import judge, next_contest, nothing_judged
from common.ml.registry import Registry
from common.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings)


def two_cards_a_day() -> Evidence:
    """Day 0: ours reviews a and b, theirs b and c. Day 1: a and c, found, are blocked for the one that found them."""
    rows = judged(
        (0, "a", 0.9, True, 100.0),
        (0, "b", 0.8, True, 50.0),
        (0, "c", 0.1, True, 70.0),
        (0, "d", 0.2, False),
        (1, "a", 0.0, True, 30.0),
        (1, "e", 0.3, False),
    )
    rows = rows.assign(rival_score=[0.1, 0.8, 0.9, 0.0, 0.0, 0.5], transaction_id=[f"t{n}" for n in range(6)])
    return Evidence(replace(small_model(), version="2", cards_per_day=2), None, rows, small_model().features)


def test_who_catches_what_at_the_budget_by_hand() -> None:
    found = two_cards_a_day()
    ours = caught_at_budget(found.judged, found.judged["score"], 2)
    # Day 1: a is blocked; of c nothing comes; e is reviewed.
    assert ours.tolist() == [True, True, False, False, True, True]
    frauds = found.judged["is_fraud"]
    assert evaluate(found.judged, 2).recall == (ours & frauds).sum() / frauds.sum()
    counts = counts_won_and_lost(found)
    assert counts["frauds"].to_dict() == {"both": 2, "version 2 only": 1, "the rules alone only": 1}
    assert counts["euro"].to_dict() == {"both": 80.0, "version 2 only": 100.0, "the rules alone only": 70.0}
    examples = won_and_lost(with_features(found))
    assert examples["transaction_id"].to_dict() == {"version 2": "t0", "the rules alone": "t2"}
    assert "the amount is 100.00 euro" in examples.loc["version 2", "why"]
    assert examples.loc["the rules alone", "why"] == ""


def with_features(found: Evidence) -> Evidence:
    others = {name: 1.0 for name in found.model.features if name not in found.judged}
    return replace(found, judged=found.judged.assign(**others))


def test_the_table_of_slices_has_each_large_one_with_both_figures() -> None:
    frame = parted(3)
    found = evidence(frame, noisy(frame, 0.5, 1), noisy(frame, 0.7, 2))
    table = slices_table(found).set_index("slice")
    assert table.index.tolist() == ["atm", "online", "PT"]
    rows = found.judged[found.judged["channel"] == "atm"]
    is_fraud = rows["is_fraud"].to_numpy()
    assert table.loc["atm", ["transactions", "frauds"]].tolist() == [len(rows), is_fraud.sum()]
    for column, name in (("score", "average precision"), ("rival_score", "of the rival")):
        assert table.loc["atm", name] == pytest.approx(average_precision(is_fraud, rows[column].to_numpy()))
    axes = Figure().add_subplot()
    slices(axes, slices_table(found), "the champion")
    assert next(label.get_text() for label in axes.get_yticklabels()) == f"channel: atm ({is_fraud.sum()})"
    slices(axes, slices_table(found).head(0), "the champion")
    assert axes.get_title() == "No slice is large enough to be judged"


def test_a_calibrated_score_lies_on_the_diagonal_in_bins_of_equal_numbers_of_frauds() -> None:
    score = np.repeat([0.02, 0.5], [4500, 180])
    is_fraud = np.concatenate([np.arange(4500) % 50 == 0, np.arange(180) % 2 == 0])
    points = reliability_points(score, is_fraud)
    assert len(points) == 9
    assert points["is_fraud"].to_numpy() == pytest.approx(points["score"].to_numpy(), abs=0.07)
    assert reliability_points(np.array([0.1, 0.2]), np.array([False, False]))["is_fraud"].tolist() == [0.0]


def test_the_rules_have_no_calibration() -> None:
    frame = parted(3)
    with_rules = evidence(frame, noisy(frame, 0.5, 1), noisy(frame, 0.7, 2), None)
    axes = Figure().add_subplot()
    reliability(axes, with_rules, "version 2")
    assert [line.get_label() for line in axes.lines] == ["version 2", "perfect"]
    assert RIVAL not in [line.get_color() for line in axes.lines]


def test_importance_knows_features_that_one_model_does_not_use() -> None:
    one, other = small_model(), small_model(features=("is_night", "amount_eur"))
    shares = importances({"one": one, "other": other})
    assert shares["one"].sum() == pytest.approx(1)
    assert shares.loc["is_night"].tolist() == [0.0, 1.0]


def test_what_is_shown_where_there_is_no_model_one_or_two(registry: Registry) -> None:
    contest = contest_to_review(registry)
    assert contest.text.startswith("there is no model to review")
    nothing = nothing_judged(contest)
    for shown in (look_at_review(contest, nothing), look_at_examples(nothing)):
        assert isinstance(shown, Markdown)
        assert "there is no model to review" in shown.data

    world = a_world()
    register(registry, small_model(46))
    contest = contest_to_review(registry)
    assert contest.text == "there is no champion: version 1, which waits for promotion, beside the rules alone"
    outcome = judge(contest, world, no_rules(), seed=1)
    assert isinstance(look_at_review(contest, outcome), Image)
    assert "version 1" in look_at_examples(outcome).to_html()  # type: ignore[union-attr]

    champion = registry.newest()
    assert champion is not None
    registry.decide(champion, True, "the first")
    contest = contest_to_review(registry)
    assert contest.text == "there is no challenger: version 1, the champion, beside the rules alone"
    assert contest.candidate is not None

    register(registry)
    contest = contest_to_review(registry)
    assert contest.text == "version 2, which waits for promotion, beside version 1, the champion"
    outcome = judge(contest, world, no_rules(), seed=1)
    assert isinstance(look_at_review(contest, outcome), Image)
    shown = look_at_criteria(registry, contest, outcome).to_html()  # type: ignore[union-attr]
    assert "#b3261e" in shown, "what failed is in red"
    assert look_at_versions(registry)["alias"].tolist() == ["challenger", "champion"]


def test_a_window_without_fraud_is_said_and_not_drawn(registry: Registry) -> None:
    world = a_world()
    register(registry, small_model(46))
    contest = contest_to_review(registry)
    outcome = judge(contest, replace(world, reports=world.reports.head(0)), no_rules(), seed=1)
    assert outcome.text == "failed 1 of 3 criteria. The test window has 0 frauds in 1,050 transactions."
    assert isinstance(look_at_review(contest, outcome), Markdown)
    assert isinstance(look_at_examples(outcome), Markdown)


def test_promotion_shows_what_a_version_that_waits_was_judged_by(registry: Registry) -> None:
    register_champion(registry)
    register(registry)
    contest = next_contest(registry)
    registry.describe(2, "| criterion | passed |")
    shown = look_at_criteria(registry, contest, nothing_judged(contest))
    assert isinstance(shown, Markdown)
    assert "| criterion | passed |" in shown.data
