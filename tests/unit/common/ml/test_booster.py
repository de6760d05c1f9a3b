import numpy as np
import pandas as pd
from ml_builders import a_world

from common.contracts.gold import FEATURE_NAMES
from common.ml.booster import Candidate, fit, matrix, predict
from common.ml.metrics import average_precision

SMALL = (Candidate(2, 0.3, 5), Candidate(2, 0.3, 10), Candidate(3, 0.3, 10))


def labelled(days: int = 20, seed: int = 7) -> pd.DataFrame:
    world = a_world(days=days, seed=seed)
    return world.rows.assign(is_fraud=world.rows["transaction_id"].isin(world.reports["transaction_id"]))


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
