import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from common.looks.training_plots import reliability, reliability_points, search
from common.ml.booster import Candidate
from common.ml.trials import Trial

TRIALS = [
    Trial(Candidate(4, 0.1, 20), (0.6, 0.8), 1),
    Trial(Candidate(3, 0.1, 40), (0.5, 0.7), 0),
    Trial(Candidate(5, 0.1, 40), (0.4, 0.6), 2),
]


def test_the_search_is_drawn_in_its_order_with_the_best_so_far() -> None:
    axes = Figure().add_subplot()
    search(axes, TRIALS)
    means, best = axes.lines
    assert list(means.get_ydata()) == pytest.approx([0.6, 0.7, 0.5])
    assert list(best.get_ydata()) == pytest.approx([0.6, 0.7, 0.7])


def test_groups_hold_as_many_frauds_each_and_an_exact_interval_of_their_share() -> None:
    score = np.linspace(0.01, 0.99, 1000)
    is_fraud = np.random.default_rng(1).random(1000) < score
    points = reliability_points(score, is_fraud)
    assert len(points) == 10
    assert points["score"].is_monotonic_increasing
    assert ((points["low"] < points["share"]) & (points["share"] <= points["high"])).all()
    assert (points["share"] - points["score"]).abs().max() < 0.12
    assert is_fraud.sum() // 10 <= (points["share"].iloc[0] * _size(score, is_fraud)) <= is_fraud.sum() // 10 + 1


def _size(score: np.ndarray, is_fraud: np.ndarray) -> int:
    """How many transactions the lowest tenth of the frauds is among."""
    return int(np.flatnonzero(np.cumsum(is_fraud) * 10 <= is_fraud.sum())[-1]) + 1


def test_no_fraud_gives_no_points_and_a_picture_all_the_same() -> None:
    assert reliability_points(np.array([0.1, 0.2]), np.array([False, False])).empty
    axes = Figure().add_subplot()
    reliability(axes, pd.DataFrame({"score": [0.1], "raw_score": [0.2], "is_fraud": [False]}))
    assert [line.get_label() for line in axes.lines] == ["perfect"]


def test_both_scores_are_drawn() -> None:
    axes = Figure().add_subplot()
    frame = pd.DataFrame({"score": [0.2, 0.8] * 20, "raw_score": [0.4, 0.6] * 20, "is_fraud": [False, True] * 20})
    reliability(axes, frame)
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {
        "before calibration",
        "calibrated",
        "perfect",
    }
