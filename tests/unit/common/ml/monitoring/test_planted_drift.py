"""A drift that is planted is found, in what it was planted in; where there is none, none is found."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from monitoring_builders import a_reference, a_window, beyond, drift_of

from common.ml.monitoring.histograms import SCORE, SCORE_BANDS
from common.ml.monitoring.measured import Measured
from common.ml.monitoring.reference import Reference

TRAINED_ON = 60_000
SEEDS = range(12)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return a_reference(a_window(TRAINED_ON, seed=99))


def amounts_inflated(week: pd.DataFrame) -> pd.DataFrame:
    return week.assign(amount_eur=(week["amount_eur"] * 1.6).round(2))


def terminals_move_online(week: pd.DataFrame) -> pd.DataFrame:
    """Half of the terminals are online now, which have no history as terminals."""
    moved = np.random.default_rng(5).random(len(week)) < 0.5
    return week.assign(terminal_tx_count_7d=week["terminal_tx_count_7d"].where(~moved))


def terminals_lose_trade(week: pd.DataFrame) -> pd.DataFrame:
    return week.assign(terminal_tx_count_7d=np.floor(week["terminal_tx_count_7d"] * 0.75))


def the_model_shouts(week: pd.DataFrame) -> pd.DataFrame:
    return week.assign(score=np.minimum(1.0, week[SCORE] * 3))


@pytest.mark.parametrize("rows", [500, 3000, 17_000])
@pytest.mark.parametrize("seed", SEEDS)
def test_where_nothing_drifts_nothing_is_found(reference: Reference, rows: int, seed: int) -> None:
    measured = drift_of(reference, a_window(rows, seed))

    assert beyond(measured) == set()
    assert {m.subject for m in measured if m.is_breached is False} >= reference.edges.keys(), "each has a verdict"


@pytest.mark.parametrize("rows", [1000, 17_000])
@pytest.mark.parametrize(
    ("plant", "subjects", "metrics"),
    [
        (amounts_inflated, {"amount_eur"}, ("psi", "ks")),
        (terminals_lose_trade, {"terminal_tx_count_7d"}, ("psi", "ks")),
        (terminals_move_online, {"terminal_tx_count_7d"}, ("psi", "null_share")),
        (the_model_shouts, {SCORE}, ("psi", "ks")),
    ],
)
def test_a_planted_drift_is_found_where_it_was_planted(
    reference: Reference,
    plant: Callable[[pd.DataFrame], pd.DataFrame],
    subjects: set[str],
    metrics: tuple[str, ...],
    rows: int,
) -> None:
    measured = drift_of(reference, plant(a_window(rows, seed=7)))

    assert beyond(measured) == subjects
    for metric in metrics:
        assert beyond(measured, metric) == subjects


def test_a_week_may_differ_by_what_training_weeks_differ_from_each_other(reference: Reference) -> None:
    """A rate that a few terminals move: each training week had one other than the rest."""
    moving = replace(reference, between_weeks={"amount_eur": (0.3, 0.2)})
    week = amounts_inflated(a_window(5000, seed=7))

    assert beyond(drift_of(reference, week)) == {"amount_eur"}
    assert beyond(drift_of(moving, week)) == set()
    (index,) = [m for m in drift_of(moving, week) if (m.metric, m.subject) == ("psi", "amount_eur")]
    assert index.baseline == 0.3


def test_too_few_rows_give_no_verdict_and_the_number_is_stated(reference: Reference) -> None:
    measured = drift_of(reference, amounts_inflated(a_window(499, seed=7)))

    (index,) = [m for m in measured if (m.metric, m.subject) == ("psi", "amount_eur")]
    assert (index.is_breached, index.note) == (None, "no verdict: 499 transactions, 500 are needed")
    assert index.value is not None
    assert beyond(measured) == set()


@pytest.mark.parametrize("rows", [0, 499])
def test_a_version_whose_training_window_has_too_few_rows_says_so(rows: int) -> None:
    measured = drift_of(a_reference(a_window(rows, seed=1)), a_window(5000, seed=7))

    (window,) = measured
    assert (window.metric, window.value, window.is_breached) == ("reference_rows", rows, True)
    assert f"training window [2029-11-12, 2030-01-07) has {rows} transactions" in window.note


def test_a_feature_that_is_null_in_all_of_training_is_told_from_one_that_has_values_now() -> None:
    training = a_window(5000, seed=1).assign(terminal_tx_count_7d=np.nan)

    same = drift_of(a_reference(training), a_window(2000, seed=2).assign(terminal_tx_count_7d=np.nan))
    now = drift_of(a_reference(training), a_window(2000, seed=2))

    assert beyond(same) == set()
    assert beyond(now, "psi") == {"terminal_tx_count_7d"}


def test_the_shares_by_band_of_score_add_up_to_all(reference: Reference) -> None:
    shares = [m for m in drift_of(reference, a_window(4000, seed=3)) if m.metric == "score_share"]

    assert len(shares) == len(SCORE_BANDS) + 1
    assert sum(filled(m.value) for m in shares) == pytest.approx(1)
    assert sum(filled(m.baseline) for m in shares) == pytest.approx(1)
    assert by_band(shares, "0.03 to 0.1") == pytest.approx(
        ((a_window(4000, seed=3)[SCORE] > 0.03) & (a_window(4000, seed=3)[SCORE] <= 0.1)).mean()
    )


def filled(value: float | None) -> float:
    assert value is not None
    return value


def by_band(shares: list[Measured], band: str) -> float:
    return filled(next(m.value for m in shares if m.subject == band))
