"""Bins fixed by a training window, and rows counted into them once."""

from bisect import bisect_left
from collections import Counter
from math import isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ml.monitoring.histograms import SCORE_BANDS, count, counter, edges_of, score_edges, summed

NUMBERS = st.floats(allow_nan=False, width=32) | st.integers(-3, 3).map(float)


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS | st.just(float("nan")), max_size=60))
def test_each_value_is_counted_once_in_its_bin(training: list[float], values: list[float]) -> None:
    edges = edges_of(pd.Series(training, dtype="float64"))

    bins = count(np.array(values, dtype="float64"), edges)

    oracle = Counter(len(edges) + 1 if isnan(value) else bisect_left(edges, value) for value in values)
    assert list(edges) == sorted(set(edges))
    assert {number: int(rows) for number, rows in enumerate(bins) if rows} == dict(oracle)
    assert len(bins) == len(edges) + 2


def test_bins_have_equal_shares_of_a_continuous_value() -> None:
    values = pd.Series(np.random.default_rng(1).gamma(2, 20, 20_000))

    shares = count(values.to_numpy(), edges_of(values)) / len(values)

    assert shares.max() == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("often", [0.0, 7.0])
def test_a_frequent_value_has_a_bin_of_its_own_and_the_others_keep_theirs(often: float) -> None:
    others = np.random.default_rng(1).normal(7, 3, 500)
    values = np.concatenate([np.full(9500, often), others])
    edges = edges_of(pd.Series(values))

    bins = count(values, edges)

    assert bins.max() == 9500
    assert (bins > 20).sum() >= 9, "quantiles of the others"


@pytest.mark.parametrize("other", [-1.0, 1.0, 6.0])
def test_what_lies_outside_of_all_that_was_seen_in_training_is_told_apart(other: float) -> None:
    edges = edges_of(pd.Series([5.0] * 30))

    assert not (count(np.array([5.0]), edges) & count(np.array([other]), edges)).any()


def test_a_score_has_the_bands_of_every_version() -> None:
    assert set(SCORE_BANDS) < set(score_edges(pd.Series([0.2, 0.25])))
    assert score_edges(pd.Series([], dtype="float64")) == SCORE_BANDS


def test_partitions_and_batches_sum_up_to_one_count() -> None:
    generator = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "period": generator.choice(["2030-01-07", "2030-01-14", "left out"], 900),
            "amount": np.where(generator.random(900) < 0.1, np.nan, generator.normal(size=900)),
            "rate": generator.random(900),
        }
    )
    edges = {"2030-01-07": {"amount": (-1.0, 1.0)}, "2030-01-14": {"amount": (0.0,), "rate": (0.5,)}}
    count_partition = counter(edges)

    parts = [part for start in (0, 300) for part in count_partition([frame[start : start + 300]])]
    parts += list(count_partition([frame[600:700], frame[700:]]))

    counts = summed((tuple(row) for part in parts for row in part.itertuples(index=False)), edges)
    for period, subjects in edges.items():
        rows = frame[frame["period"] == period]
        for subject, of in subjects.items():
            assert counts[period][subject].tolist() == count(rows[subject].to_numpy(), of).tolist()
            assert counts[period][subject].sum() == len(rows)


def test_what_was_not_counted_is_0() -> None:
    assert summed([], {"2030-01-07": {"amount": (1.0,)}})["2030-01-07"]["amount"].tolist() == [0, 0, 0]
