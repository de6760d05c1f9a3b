import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from ml_builders import labelled

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import Candidate, fit, log_odds, matrix, predict
from common.ml.calibration import Calibration
from common.ml.explain import contributions
from common.ml.joined import joined

CALIBRATION = Calibration(slope=1.7, intercept=-2.5)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled(10)


@pytest.fixture(scope="module")
def boosters(rows: pd.DataFrame) -> list[xgb.Booster]:
    """Of different seeds and numbers of trees."""
    return [fit(rows, FEATURE_NAMES, Candidate(3, 0.3, 10 + seed, subsample=0.7), seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def expected(rows: pd.DataFrame, boosters: list[xgb.Booster]) -> np.ndarray:
    margins = [log_odds(booster, matrix(rows, FEATURE_NAMES)) for booster in boosters]
    assert np.abs(margins[0] - margins[1]).max() > 0.5, "the boosters differ"
    return -2.5 + 1.7 * np.mean(margins, axis=0)


def test_log_odds_are_the_mean_of_the_boosters_stretched_and_moved(
    rows: pd.DataFrame, boosters: list[xgb.Booster], expected: np.ndarray
) -> None:
    one = joined(boosters, CALIBRATION)
    np.testing.assert_allclose(log_odds(one, matrix(rows, FEATURE_NAMES)), expected, atol=1e-5)
    np.testing.assert_allclose(predict(one, rows, FEATURE_NAMES), 1 / (1 + np.exp(-expected)), atol=1e-6)
    assert one.feature_names == list(FEATURE_NAMES)


def test_reasons_add_up_to_the_calibrated_score_and_are_stretched_with_it(
    rows: pd.DataFrame, boosters: list[xgb.Booster], expected: np.ndarray
) -> None:
    values = contributions(joined(boosters, CALIBRATION), rows, FEATURE_NAMES)
    np.testing.assert_allclose(values.sum(axis=1), expected, atol=1e-4)
    apart = np.mean([contributions(booster, rows, FEATURE_NAMES) for booster in boosters], axis=0)
    np.testing.assert_allclose(values[:, :-1], 1.7 * apart[:, :-1], atol=1e-4)
    np.testing.assert_allclose(values[:, -1], 1.7 * apart[:, -1] - 2.5, atol=1e-4)


def test_what_was_joined_survives_being_saved_and_is_the_same_each_time(
    rows: pd.DataFrame, boosters: list[xgb.Booster]
) -> None:
    first, second = (bytes(joined(boosters, CALIBRATION).save_raw("ubj")) for _ in range(2))
    assert first == second
    loaded = xgb.Booster()
    loaded.load_model(bytearray(first))
    scores = predict(joined(boosters, CALIBRATION), rows, FEATURE_NAMES)
    np.testing.assert_array_equal(predict(loaded, rows, FEATURE_NAMES), scores)


def test_one_booster_without_a_calibration_stays_as_it_is(boosters: list[xgb.Booster]) -> None:
    assert joined(boosters[:1]) is boosters[0]
