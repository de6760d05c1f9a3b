"""The index and the distance against independent oracles, and what chance gives."""

from math import log

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from common.ml.monitoring.divergence import (
    between_weeks,
    kolmogorov_smirnov,
    ks_by_chance,
    population_stability_index,
    psi_by_chance,
)
from common.ml.monitoring.histograms import count, edges_of

SEEDS = range(5)


def plain_index(reference: list[int], current: list[int]) -> float:
    """The textbook's sum, in plain Python; no bin is empty."""
    shares = [(p / sum(reference), q / sum(current)) for p, q in zip(reference, current, strict=True)]
    return sum((q - p) * log(q / p) for p, q in shares)


def test_the_index_is_the_textbooks() -> None:
    reference, current = [12_000, 30_000, 8_000], [900, 2_500, 1_600]

    index = population_stability_index(np.array(reference), np.array(current))

    assert index == pytest.approx(plain_index(reference, current), rel=2e-3)


def test_an_index_has_a_value_where_a_bin_is_empty_and_0_where_nothing_differs() -> None:
    assert population_stability_index(np.array([100, 0]), np.array([0, 100])) == pytest.approx(10.5, abs=0.1)
    assert population_stability_index(np.array([100, 0, 50]), np.array([100, 0, 50])) == 0
    assert population_stability_index(np.array([0, 0]), np.array([0, 0])) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_the_distance_is_that_of_the_values_up_to_the_largest_bin(seed: int, shift: float) -> None:
    generator = np.random.default_rng(seed)
    reference, current = generator.normal(size=4000), generator.normal(shift, 1, size=900)
    edges = edges_of(pd.Series(reference))
    before, now = (count(values, edges)[:-1] for values in (reference, current))

    distance = kolmogorov_smirnov(before, now)

    exact = ks_2samp(reference, current).statistic
    largest = max(before.max() / before.sum(), now.max() / now.sum())
    assert exact - largest <= distance <= exact + 1e-12


def test_without_values_there_is_no_distance() -> None:
    assert kolmogorov_smirnov(np.array([0, 0]), np.array([3, 1])) == 0


def test_weeks_differ_from_the_others_as_far_as_the_one_that_differs_most() -> None:
    usual, other, small = np.array([500, 500, 0]), np.array([200, 800, 0]), np.array([0, 90, 0])

    index, distance = between_weeks([usual, usual, other, small], min_rows=100)

    assert index == pytest.approx(plain_index([1000, 1000], [200, 800]), rel=1e-2)
    assert distance == pytest.approx(0.3)
    assert between_weeks([usual, small], min_rows=100) == (0, 0)


@pytest.mark.parametrize(("reference_rows", "rows", "bins"), [(200_000, 500, 22), (60_000, 17_000, 22), (600, 500, 4)])
def test_equal_distributions_stay_within_what_chance_gives(reference_rows: int, rows: int, bins: int) -> None:
    """Small samples are biased upwards, by (k - 1)(1/n + 1/m): about that is the mean, and nearly none goes beyond."""
    generator = np.random.default_rng(20180401)
    shares = generator.dirichlet(np.full(bins, 8.0))
    pairs = [(generator.multinomial(reference_rows, shares), generator.multinomial(rows, shares)) for _ in range(2000)]
    indices = np.array([population_stability_index(before, now) for before, now in pairs])
    distances = np.array([kolmogorov_smirnov(before, now) for before, now in pairs])

    assert indices.mean() == pytest.approx((bins - 1) * (1 / reference_rows + 1 / rows), rel=0.1)
    assert (indices > psi_by_chance(reference_rows, rows, bins)).mean() <= 0.004
    assert (indices > psi_by_chance(reference_rows, rows, bins) / 3).any(), "the allowance is no blank cheque"
    assert (distances > ks_by_chance(reference_rows, rows)).mean() <= 0.002
