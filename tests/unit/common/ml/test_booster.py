import numpy as np
import pandas as pd
import pytest
from ml_builders import a_world

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import SEARCH, Candidate, Split, fit, matrix, predict, search, trials_table
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


def test_the_search_gives_each_candidate_its_own_figure_best_first() -> None:
    splits = [Split(labelled(seed=1), labelled(seed=2)), Split(labelled(seed=3), labelled(seed=4))]
    trials = search(splits, FEATURE_NAMES, seed=1, candidates=SMALL)
    for trial in trials:
        boosters = [fit(split.train, FEATURE_NAMES, trial.candidate, 1) for split in splits]
        expected = tuple(
            average_precision(split.valid["is_fraud"].to_numpy(), predict(booster, split.valid, FEATURE_NAMES))
            for split, booster in zip(splits, boosters, strict=True)
        )
        assert trial.average_precision == pytest.approx(expected)
    means = [trial.mean for trial in trials]
    assert means == sorted(means, reverse=True)
    assert trials_table(trials)["average_precision"].tolist() == means


def test_the_search_is_small_and_has_no_candidate_twice() -> None:
    assert len(set(SEARCH)) == len(SEARCH) <= 12
