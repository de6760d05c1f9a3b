from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ml_builders import day, random_judged

from common.contracts.features import FEATURE_NAMES
from common.ml import criteria
from common.ml.bootstrap import resampled
from common.ml.champion import Champion
from common.ml.criteria import CRITERIA, Criterion
from common.ml.evidence import Evidence, microseconds_a_row
from common.ml.gate import RULES, Verdict, judge_evidence
from common.ml.metrics import average_precision, evaluate

BUDGET = 5
SMALL = 120
"""Resamples where a test needs no fine interval."""


def model(version: str = "2", test_start: int = 40, features: tuple[str, ...] = FEATURE_NAMES) -> Champion:
    return Champion(version, features, 0.5, BUDGET, day(test_start, 0), b"")


CHAMPION = model("1", 20)


def noisy(frame: pd.DataFrame, noise: float, seed: int) -> np.ndarray:
    """Scores from 0 to 1 that know the label, under noise, and expect as many frauds as there are."""
    raw = frame["is_fraud"].to_numpy() + np.random.default_rng(seed).normal(0, noise, len(frame))
    rank = raw.argsort().argsort() / len(raw)
    share = frame["is_fraud"].mean()
    return rank ** (1 / share - 1)


def evidence(frame: pd.DataFrame, ours: np.ndarray, theirs: np.ndarray, rival: Champion | None = CHAMPION) -> Evidence:
    return Evidence(model(), rival, frame.assign(score=ours, rival_score=theirs), FEATURE_NAMES, 5.0, 1, SMALL)


def verdict_of(*arguments: object) -> dict[str, Criterion]:
    return {c.name: c for c in judge_evidence(evidence(*arguments)).criteria}  # type: ignore[arg-type]


def failed(verdict: Verdict) -> list[str]:
    return [c.name for c in verdict.criteria if not c.passed]


def test_a_clear_winner_passes_every_criterion() -> None:
    frame = random_judged(1)
    verdict = judge_evidence(evidence(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2)))
    assert failed(verdict) == []
    assert verdict.passed
    assert verdict.against == "1"
    assert verdict.reason.startswith(f"passed all {len(verdict.criteria)} criteria. Average precision 0.")
    assert "champion version 1 0." in verdict.reason


def test_the_same_scores_are_a_tie_and_the_champion_stays() -> None:
    frame = random_judged(1)
    scores = noisy(frame, 0.5, 1)
    verdict = judge_evidence(evidence(frame, scores, scores))
    assert failed(verdict) == ["average precision"]
    assert "difference +0.000 to +0.000" in verdict.reason


def test_a_window_of_a_single_card_promotes_nobody() -> None:
    frame = random_judged(1).assign(card="the only one")
    verdict = judge_evidence(evidence(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2)))
    assert not verdict.passed
    assert "average precision" in failed(verdict)


def test_a_difference_that_is_noise_leaves_the_champion() -> None:
    frame = random_judged(1)
    passed = [
        verdict_of(frame, noisy(frame, 0.6, seed), noisy(frame, 0.6, seed + 100))["average precision"].passed
        for seed in range(20)
    ]
    assert sum(passed) <= 4


def test_a_worse_model_fails_at_the_budget_too() -> None:
    frame = random_judged(1)
    verdict = judge_evidence(evidence(frame, noisy(frame, 1.5, 1), noisy(frame, 0.1, 2)))
    assert {"average precision", "card precision at budget", "euro caught at budget"} <= set(failed(verdict))


def test_what_wins_by_many_small_frauds_and_loses_the_dear_ones_is_kept_out() -> None:
    """Better by average precision, and at the budget it saves less money."""
    frame = random_judged(3, a_day=400, cards=4000)
    dear = frame["is_fraud"] & (np.random.default_rng(1).random(len(frame)) < 0.2)
    frame = frame.assign(amount_eur=np.where(dear, 5000.0, 10.0))
    ours = np.where(dear, 0.0, noisy(frame, 0.3, 1))
    theirs = np.where(dear, 1.0, noisy(frame, 3.0, 2))
    found = verdict_of(frame, ours, theirs)
    assert found["average precision"].passed
    assert not found["euro caught at budget"].passed


def test_the_differences_are_those_of_whole_resamples_drawn_one_by_one() -> None:
    """The oracle makes each resample a table: the rows of a card that was drawn twice are there twice."""
    frame = random_judged(5, days=3, a_day=60, cards=25)
    ours, theirs = noisy(frame, 0.4, 1), noisy(frame, 0.8, 2)
    found = replace(evidence(frame, ours, theirs), resamples=40)
    both = found.judged
    drawn = resampled({str(row): lambda w, row=row: float(w[row]) for row in range(len(both))}, both["card"], 1, 40)
    differences = {name: [] for name in ("average_precision", "card_precision", "saved_eur")}
    for weight in drawn.to_numpy().astype(int):
        rows = both.loc[both.index.repeat(weight)]
        rows = rows.assign(card=rows["card"] + "#" + rows.groupby(level=0).cumcount().astype(str))
        mine, other = (evaluate(rows.assign(score=rows[c]), BUDGET) for c in ("score", "rival_score"))
        for name, values in differences.items():
            values.append(getattr(mine, name) - getattr(other, name))
    for name, values in differences.items():
        low, high = np.quantile(values, [0.05, 0.95])
        assert found.differences[name].low == pytest.approx(low), name
        assert found.differences[name].high == pytest.approx(high), name
    assert found.differences["average_precision"].challenger == pytest.approx(
        average_precision(frame["is_fraud"].to_numpy(), ours)
    )


def test_one_card_that_makes_all_the_difference_is_not_enough() -> None:
    """All of a card's transactions come and go together: a hundred frauds of one card are one observation."""
    frame = random_judged(1)
    one = frame.index < 100
    frame = frame.assign(card=np.where(one, "same", frame["card"]), is_fraud=one | frame["is_fraud"])
    theirs = noisy(frame, 0.6, 1)
    ours = np.where(one, theirs + 0.4, theirs).clip(0, 1)
    assert not verdict_of(frame, ours, theirs)["average precision"].passed
    alone = frame.assign(card=[f"c{number}" for number in range(len(frame))])
    assert verdict_of(alone, ours, theirs)["average precision"].passed


def test_a_first_model_is_compared_with_the_rules_by_the_same_bootstrap() -> None:
    frame = random_judged(1)
    good, fair = noisy(frame, 0.3, 1), noisy(frame, 0.6, 2)
    verdict = judge_evidence(evidence(frame, good, fair, None))
    assert verdict.passed
    assert verdict.against == RULES
    assert "the rules alone 0." in verdict.reason
    # Better than the rules as a point, and not by more than noise.
    barely = judge_evidence(evidence(frame, noisy(frame, 0.55, 6), fair, None))
    found = {c.name: c for c in barely.criteria}["average precision"]
    assert "Average precision 0.470, the rules alone 0.336" in found.sentence
    assert not found.passed


def test_rules_that_are_worse_than_chance_are_not_enough_to_beat() -> None:
    frame = random_judged(1)
    upside_down = 1.0 - noisy(frame, 0.2, 1)
    blind = np.random.default_rng(3).random(len(frame)) * 2 * frame["is_fraud"].mean()
    found = verdict_of(frame, blind, upside_down, None)
    assert found["average precision"].passed
    assert not found["better than chance"].passed


@pytest.mark.parametrize(("factor", "is_met"), [(1.9, True), (2.1, False), (0.55, True), (0.45, False)])
def test_scores_far_from_the_frauds_there_were_are_not_calibrated(factor: float, is_met: bool) -> None:
    frame = random_judged(1)
    scores = np.full(len(frame), frame["is_fraud"].mean() * factor)
    found = verdict_of(frame, scores, scores)["calibration"]
    assert found.passed == is_met
    assert found.figure == pytest.approx(factor)


@pytest.mark.parametrize("off", [np.nan, np.inf, -0.1, 1.1])
def test_scores_that_are_no_probabilities_end_the_judging(off: float) -> None:
    frame = random_judged(1)
    scores = noisy(frame, 0.3, 1)
    verdict = judge_evidence(evidence(frame, np.where(frame.index == 7, off, scores), scores))
    assert failed(verdict) == ["probabilities"]
    assert verdict.criteria[-1].figure == 1


@pytest.mark.parametrize("frauds", [0, 9])
def test_a_window_with_too_few_frauds_ends_the_judging(frauds: int) -> None:
    frame = random_judged(1)
    frame = frame.assign(is_fraud=frame.index < frauds)
    verdict = judge_evidence(evidence(frame, np.full(len(frame), 0.1), np.zeros(len(frame))))
    assert failed(verdict) == ["frauds in window"]
    assert f"The test window has {frauds} frauds" in verdict.reason


def test_a_model_may_use_fewer_features_than_are_computed_but_no_others() -> None:
    frame = random_judged(1)
    good, bad = noisy(frame, 0.3, 1), noisy(frame, 1.0, 2)
    fewer = replace(evidence(frame, good, bad), model=model(features=FEATURE_NAMES[3:]))
    assert judge_evidence(fewer).passed
    other = replace(fewer, model=model(features=(*FEATURE_NAMES, "age_of_moon")), judged=frame)
    verdict = judge_evidence(other)
    assert failed(verdict) == ["features"]
    assert "age_of_moon" in verdict.reason


def test_days_that_the_champion_has_learnt_from_are_no_fair_window() -> None:
    frame = random_judged(1)
    fair = evidence(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2), model("1", 47))
    assert judge_evidence(fair).passed, "the champion of day 47 has learnt up to day 40"
    verdict = judge_evidence(replace(fair, rival=model("1", 48)))
    assert failed(verdict) == ["fair window"]
    assert verdict.criteria[-1].figure == 1


def test_slow_scoring_fails_and_so_does_one_that_was_not_measured() -> None:
    frame = random_judged(1)
    quick = evidence(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2))
    for taken in (criteria.SCORING_BUDGET_MICROSECONDS + 1, float("nan")):
        assert failed(judge_evidence(replace(quick, microseconds_a_row=taken))) == ["scoring speed"]


def test_the_time_of_a_row_is_that_of_many_rows_however_few_there_are() -> None:
    sizes: list[int] = []
    taken = microseconds_a_row(lambda rows: sizes.append(len(rows)), random_judged(1).head(3))
    assert min(sizes) >= 1000
    assert taken < 1000
    assert np.isnan(microseconds_a_row(lambda _: None, random_judged(1).head(0)))


def test_a_criterion_is_one_function_and_the_verdict_their_conjunction() -> None:
    def on_a_monday(_: Evidence) -> Iterable[Criterion]:
        yield Criterion("weekday", 4, "1", False, "It is Thursday.")

    frame = random_judged(1)
    found = evidence(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2))
    verdict = judge_evidence(found, (*CRITERIA, on_a_monday))
    assert failed(verdict) == ["weekday"]
    assert verdict.table().loc[len(verdict.criteria) - 1].tolist() == ["weekday", "failed", 4, "1", "It is Thursday."]


@pytest.mark.parametrize(
    ("figure", "text"),
    [(0.1, "0.100"), (0.0004, "0.0004"), (0.4996, "0.4996"), (3.0, "3"), (277_886.6, "277,887"), (np.nan, "nan")],
)
def test_a_figure_is_not_rounded_to_its_bound(figure: float, text: str) -> None:
    assert Criterion("any", figure, "", True, "").figure_text == text
