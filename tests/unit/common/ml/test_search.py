from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from ml_builders import labelled

from common.contracts.features import FEATURE_NAMES
from common.ml import early_stopping
from common.ml import search as searching
from common.ml.booster import Candidate, Split, fit, predict
from common.ml.early_stopping import PATIENCE, STEP, grown, prepared
from common.ml.metrics import average_precision
from common.ml.search import Limits, search
from common.ml.search_space import SPACE, STARTING_POINTS, as_candidate
from common.ml.trials import Trial, trials_table

TRIALS = 6


class Kept:
    """A store in memory, which fails once it has so many trials: the search is killed there."""

    def __init__(self, trials: Sequence[Trial] = (), killed_after: int = 1000) -> None:
        self.trials, self._killed_after = list(trials), killed_after

    def earlier(self) -> list[Trial]:
        return list(self.trials)

    def add(self, trial: Trial) -> None:
        self.trials.append(trial)
        if len(self.trials) == self._killed_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    return [Split(labelled(8, seed=1), labelled(8, seed=2)), Split(labelled(8, seed=3), labelled(8, seed=4))]


@pytest.fixture(scope="module", autouse=True)
def estimator_from_the_fifth_trial_on() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "RANDOM_TRIALS", len(STARTING_POINTS))
        patch.setattr(searching, "MAX_ROUNDS", 40)
        yield


def searched(
    splits: list[Split], trials: int = TRIALS, seconds: float = 600.0, store: Kept | None = None
) -> list[Trial]:
    return search(splits, FEATURE_NAMES, 1, limits=Limits(trials, seconds), store=store)


@pytest.fixture(scope="module")
def found(splits: list[Split]) -> list[Trial]:
    return searched(splits)


def without_seconds(trials: Sequence[Trial]) -> list[Trial]:
    return [replace(trial, seconds=0.0) for trial in trials]


def figures(splits: list[Split], candidate: Candidate, looks: Sequence[int] = (0,)) -> np.ndarray:
    """Average precision on each split (a row) by so many trees (a column, 0: all) of boosters fitted alone."""
    boosters = [fit(split.train, FEATURE_NAMES, candidate, 1) for split in splits]
    return np.array(
        [
            [
                average_precision(
                    split.valid["is_fraud"].to_numpy(), predict(booster, split.valid, FEATURE_NAMES, rounds)
                )
                for rounds in looks
            ]
            for split, booster in zip(splits, boosters, strict=True)
        ]
    )


def test_a_trial_has_the_figures_of_boosters_fitted_alone_with_its_parameters(
    splits: list[Split], found: list[Trial]
) -> None:
    assert any(trial.candidate.samples for trial in found)
    for trial in found:
        assert trial.average_precision == pytest.approx(figures(splits, trial.candidate)[:, 0])


def test_trials_come_best_first_after_the_starting_points_and_within_the_space(found: list[Trial]) -> None:
    means = [trial.mean for trial in found]
    assert means == sorted(means, reverse=True)
    by_number = sorted(found, key=lambda trial: trial.number)
    assert [trial.number for trial in by_number] == list(range(TRIALS))
    for trial, point in zip(by_number, STARTING_POINTS, strict=False):
        assert trial.candidate == as_candidate(point, trial.candidate.rounds)
    for trial in found:
        for name, values in SPACE.items():
            assert values.low <= getattr(trial.candidate, name) <= values.high
    assert len({replace(trial.candidate, rounds=0) for trial in found}) == TRIALS


def test_the_same_seed_and_number_of_trials_find_the_same(splits: list[Split], found: list[Trial]) -> None:
    assert without_seconds(searched(splits)) == without_seconds(found)


@pytest.mark.parametrize("killed_after", [2, 5])
def test_a_killed_search_goes_on_to_what_it_would_have_found(
    splits: list[Split], found: list[Trial], killed_after: int
) -> None:
    store = Kept(killed_after=killed_after)
    with pytest.raises(KeyboardInterrupt):
        searched(splits, store=store)
    kept = list(store.trials)
    assert without_seconds(searched(splits, store=store)) == without_seconds(found)
    assert store.trials[:killed_after] == kept


def test_a_search_of_no_time_makes_one_trial_of_a_few_trees(splits: list[Split]) -> None:
    [trial] = searched(splits, seconds=0.0)
    assert trial.candidate == as_candidate(STARTING_POINTS[0], STEP)


def test_seconds_of_trials_that_were_kept_count(splits: list[Split], found: list[Trial]) -> None:
    first = replace(found[0], number=0, seconds=700.0)
    assert searched(splits, store=Kept([first])) == [first]


def test_more_trials_than_asked_for_are_not_looked_at(splits: list[Split], found: list[Trial]) -> None:
    by_number = sorted(found, key=lambda trial: trial.number)
    assert {trial.number for trial in searched(splits, trials=3, store=Kept(by_number))} == {0, 1, 2}


def test_growing_stops_at_the_best_number_of_trees_on_the_mean_of_the_folds(
    splits: list[Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_stopping, "PATIENCE", 15)
    candidate = Candidate(4, 0.3, 80)
    chosen, values = grown([prepared(split, FEATURE_NAMES) for split in splits], candidate, 1)
    looks = range(STEP, candidate.rounds + 1, STEP)
    curve = dict(zip(looks, figures(splits, candidate, looks).mean(axis=0), strict=True))
    expected, stop = 0, False
    for rounds in looks:
        if not stop and curve[rounds] > curve.get(expected, -1):
            expected = rounds
        stop = stop or rounds - expected >= 15
    assert chosen == replace(candidate, rounds=expected)
    assert np.mean(values) == pytest.approx(curve[expected])
    assert expected < candidate.rounds, "the test has something to stop"
    assert PATIENCE % STEP == 0


def test_the_table_has_a_row_for_each_trial_with_its_folds(found: list[Trial]) -> None:
    table = trials_table(found)
    assert table["average_precision"].tolist() == [trial.mean for trial in found]
    assert table[["fold_1", "fold_2"]].mean(axis=1).tolist() == pytest.approx(table["average_precision"].tolist())
    assert {"trial", "rounds", "seconds", *SPACE} <= set(table.columns)
