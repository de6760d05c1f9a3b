import numpy as np
import pandas as pd
import pytest
from ml_builders import random_judged

from common.contracts.features import FEATURE_NAMES
from common.ml.gate import Difference, compare, decide, decide_first, unfit
from common.ml.metrics import average_precision, evaluate


def noisy(frame: pd.DataFrame, noise: float, seed: int) -> np.ndarray:
    """Scores that know the label, under noise."""
    return frame["is_fraud"].to_numpy() + np.random.default_rng(seed).normal(0, noise, len(frame))


def test_a_clear_winner_is_promoted() -> None:
    frame = random_judged(1)
    difference = compare(frame, noisy(frame, 0.3, 1), noisy(frame, 1.0, 2), seed=1)
    assert difference.low > 0.1
    decision = decide(difference)
    assert decision.is_promoted
    assert decision.reason.startswith("better than the champion by more than noise: average precision 0.")


def test_the_same_scores_are_a_tie_and_the_champion_stays() -> None:
    frame = random_judged(1)
    scores = noisy(frame, 0.5, 1)
    difference = compare(frame, scores, scores, seed=1)
    assert (difference.low, difference.high) == (0.0, 0.0)
    assert not decide(difference).is_promoted


def test_a_difference_that_is_noise_leaves_the_champion() -> None:
    frame = random_judged(1)
    promoted = [
        decide(compare(frame, noisy(frame, 0.6, seed), noisy(frame, 0.6, seed + 100), seed=1, resamples=100))
        for seed in range(20)
    ]
    assert sum(decision.is_promoted for decision in promoted) <= 4


def test_a_worse_model_leaves_the_champion() -> None:
    frame = random_judged(1)
    difference = compare(frame, noisy(frame, 1.0, 1), noisy(frame, 0.3, 2), seed=1)
    assert difference.high < 0
    assert decide(difference).reason.startswith("not better than the champion by more than noise")


def test_the_comparison_is_of_average_precision_and_repeatable() -> None:
    frame = random_judged(1)
    ours, theirs = noisy(frame, 0.4, 1), noisy(frame, 0.5, 2)
    difference = compare(frame, ours, theirs, seed=3)
    is_fraud = frame["is_fraud"].to_numpy()
    assert difference.candidate == pytest.approx(average_precision(is_fraud, ours))
    assert difference.champion == pytest.approx(average_precision(is_fraud, theirs))
    assert difference.low <= difference.candidate - difference.champion <= difference.high
    assert difference == compare(frame, ours, theirs, seed=3)


def test_one_card_that_makes_all_the_difference_is_not_enough() -> None:
    """All of a card's transactions come and go together: a hundred frauds of one card are one observation."""
    frame = random_judged(1)
    one = frame.index < 100
    frame = frame.assign(card=np.where(one, "same", frame["card"]), is_fraud=one | frame["is_fraud"])
    champion = noisy(frame, 0.6, 1)
    candidate = np.where(one, champion + 0.4, champion)
    assert not compare(frame, candidate, champion, seed=1).is_clear
    alone = frame.assign(card=[f"c{number}" for number in range(len(frame))])
    assert compare(alone, candidate, champion, seed=1).is_clear


def test_a_first_model_must_beat_random_and_the_rules() -> None:
    frame = random_judged(1)
    good, fair, bad = (evaluate(frame.assign(score=noisy(frame, noise, 3)), 10) for noise in (0.2, 0.6, 30.0))
    assert decide_first(good, random=bad, rules=fair).is_promoted
    assert decide_first(fair, random=bad, rules=good).reason.startswith("not better than the rules alone")
    assert decide_first(bad, random=fair, rules=bad).reason.startswith("not better than random")
    assert not decide_first(good, random=bad, rules=good).is_promoted


def test_a_difference_must_be_above_zero() -> None:
    assert not decide(Difference(0.5, 0.4, low=0.0, high=0.2)).is_promoted
    assert decide(Difference(0.5, 0.4, low=0.001, high=0.2)).is_promoted


def test_a_calibrated_model_of_the_same_features_is_fit() -> None:
    frame = random_judged(1)
    fair = frame.assign(score=np.full(len(frame), frame["is_fraud"].mean()))
    assert unfit(fair, FEATURE_NAMES, FEATURE_NAMES) is None


@pytest.mark.parametrize(("factor", "is_fit"), [(1.9, True), (2.1, False), (0.55, True), (0.45, False)])
def test_scores_far_from_the_frauds_there_were_are_not_calibrated(factor: float, is_fit: bool) -> None:
    frame = random_judged(1)
    scaled = frame.assign(score=np.full(len(frame), frame["is_fraud"].mean() * factor))
    text = unfit(scaled, FEATURE_NAMES, FEATURE_NAMES)
    assert (text is None) == is_fit
    assert is_fit or "not calibrated" in str(text)


def test_what_else_speaks_against_a_model() -> None:
    frame = random_judged(1)
    assert "is_night" in str(unfit(frame, FEATURE_NAMES, [n for n in FEATURE_NAMES if n != "is_night"]))
    assert "not numbers" in str(unfit(frame.assign(score=np.nan), FEATURE_NAMES, FEATURE_NAMES))
    assert "no fraud" in str(unfit(frame.assign(is_fraud=False), FEATURE_NAMES, FEATURE_NAMES))
