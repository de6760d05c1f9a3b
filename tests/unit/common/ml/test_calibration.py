import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from common.ml.calibration import IDENTITY, Calibration, calibration_for, platt


def logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def a_sample(
    size: int, slope: float, intercept: float, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, "pd.Series[str]"]:
    """Log-odds of a model, labels whose true log-odds are `slope * log-odds + intercept`, and cards."""
    generator = np.random.default_rng(seed)
    log_odds = generator.normal(-3, 2, size)
    is_fraud = generator.random(size) < logistic(slope * log_odds + intercept)
    return log_odds, is_fraud, pd.Series(generator.integers(0, size // 5 + 1, size).astype(str))


def test_scores_that_are_too_low_and_too_close_are_mended() -> None:
    found = calibration_for(*a_sample(50_000, slope=1.5, intercept=0.8), seed=1)
    assert (found.slope, found.intercept) == (pytest.approx(1.5, abs=0.1), pytest.approx(0.8, abs=0.1))


def test_platt_is_the_logistic_regression_on_log_odds() -> None:
    log_odds, is_fraud, _ = a_sample(20_000, slope=0.6, intercept=-1.0)
    oracle = LogisticRegression(C=1e12, tol=1e-10).fit(log_odds[:, None], is_fraud)
    found = platt(log_odds, is_fraud)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], rel=0.01)
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=0.02)


def test_the_order_of_scores_stays() -> None:
    log_odds, is_fraud, cards = a_sample(5_000, slope=2.0, intercept=1.0)
    probabilities = calibration_for(log_odds, is_fraud, cards, seed=1).probabilities(log_odds)
    np.testing.assert_array_equal(np.argsort(probabilities), np.argsort(log_odds))


def test_scores_that_are_probabilities_are_seldom_touched_and_never_far() -> None:
    """On few frauds a correction is noise, and other cards say so."""
    found = [calibration_for(*a_sample(400, slope=1.0, intercept=0.0, seed=seed), seed=1) for seed in range(30)]
    assert sum(calibration == IDENTITY for calibration in found) >= 18
    assert all(0.4 < calibration.slope < 2.5 for calibration in found)


def test_labels_that_scores_part_entirely_do_not_stretch_them_for_ever() -> None:
    log_odds = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0] * 20)
    found = platt(log_odds, log_odds > 0)
    assert 1 < found.slope < 50
    assert np.isfinite(found.intercept)


def test_scores_that_go_the_wrong_way_are_left_alone() -> None:
    """A slope below 0 would turn the ranking round, which training has chosen by."""
    log_odds, is_fraud, cards = a_sample(20_000, slope=1.5, intercept=0.0)
    assert platt(-log_odds, is_fraud).slope < 0
    assert calibration_for(-log_odds, is_fraud, cards, seed=1) == IDENTITY


@pytest.mark.parametrize("is_fraud", [[False] * 4, [True] * 4, [True, False, False, False]])
def test_too_few_labels_calibrate_nothing(is_fraud: list[bool]) -> None:
    cards = pd.Series(["a", "b", "c", "d"])
    assert calibration_for(np.array([-1.0, -2.0, 0.5, 1.0]), np.array(is_fraud), cards, seed=1) == IDENTITY


def test_a_single_card_calibrates_nothing() -> None:
    log_odds, is_fraud, cards = a_sample(500, slope=2.0, intercept=1.0)
    assert calibration_for(log_odds, is_fraud, pd.Series(["a"] * len(cards)), seed=1) == IDENTITY


def test_a_calibration_is_a_logistic_function_of_log_odds() -> None:
    values = np.array([-300.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose(Calibration(2.0, 1.0).probabilities(values), logistic(2 * values + 1))
