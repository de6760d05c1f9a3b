import numpy as np
import pandas as pd
from ml_builders import labelled

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import Candidate, fit, matrix, predict
from common.ml.metrics import average_precision

SMALL = (Candidate(2, 0.3, 5), Candidate(2, 0.3, 10), Candidate(3, 0.3, 10))


def test_the_matrix_has_the_features_in_their_order_with_flags_as_numbers_and_gaps_as_nan() -> None:
    frame = pd.DataFrame(
        {
            "b": pd.Series([True, None, False], dtype=object),
            "a": pd.Series([1, 2, None], dtype="Int64"),
            "c": [0.5, np.nan, 2.0],
        }
    )
    expected = np.array([[1, 1, 0.5], [2, np.nan, np.nan], [np.nan, 0, 2]], dtype="float32")
    np.testing.assert_array_equal(matrix(frame, ["a", "b", "c"]), expected)


def test_what_is_infinite_or_too_large_is_missing() -> None:
    frame = pd.DataFrame({"a": [np.inf, -np.inf, 1e39, 1.0], "b": [1.0, 2.0, 3.0, np.nan]})
    expected = np.array([[np.nan, 1], [np.nan, 2], [np.nan, 3], [1, np.nan]], dtype="float32")
    np.testing.assert_array_equal(matrix(frame, ["a", "b"]), expected)


def test_infinite_values_are_learnt_and_scored_as_missing_ones() -> None:
    rows = labelled()
    some = np.arange(len(rows)) % 5 == 0
    boosters = [
        fit(rows.assign(amount_eur=rows["amount_eur"].mask(some, value)), FEATURE_NAMES, SMALL[0], 1)
        for value in (np.inf, np.nan)
    ]
    assert bytes(boosters[0].save_raw("ubj")) == bytes(boosters[1].save_raw("ubj"))
    scores = [predict(boosters[0], rows.assign(amount_eur=value), FEATURE_NAMES) for value in (-np.inf, np.nan)]
    np.testing.assert_array_equal(*scores)


def test_the_same_rows_and_seed_give_the_same_model() -> None:
    rows = labelled()
    first, second = (bytes(fit(rows, FEATURE_NAMES, SMALL[2], seed=1).save_raw("ubj")) for _ in range(2))
    assert first == second


def test_a_model_learns_what_is_there_and_nothing_from_shuffled_labels() -> None:
    train, valid = labelled(seed=1), labelled(seed=2)
    generator = np.random.default_rng(0)
    shuffled = train.assign(is_fraud=generator.permutation(train["is_fraud"]))
    is_fraud = valid["is_fraud"].to_numpy()
    learnt, not_learnt = (
        average_precision(is_fraud, predict(fit(rows, FEATURE_NAMES, SMALL[2], 1), valid, FEATURE_NAMES))
        for rows in (train, shuffled)
    )
    assert learnt > 0.5
    assert not_learnt < 0.25


def test_the_first_trees_of_a_larger_model_are_the_smaller_model() -> None:
    rows = labelled()
    large, small = (fit(rows, FEATURE_NAMES, candidate, 1) for candidate in (SMALL[1], SMALL[0]))
    np.testing.assert_array_equal(predict(large, rows, FEATURE_NAMES, rounds=5), predict(small, rows, FEATURE_NAMES))
