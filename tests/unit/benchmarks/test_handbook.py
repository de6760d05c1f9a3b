"""The benchmark on the Handbook's data: its folds are the Handbook's, and its upper bound sees no future."""

import numpy as np
import pandas as pd
import pytest
from benchmarks.handbook.bayes import Rates, bayes_scores
from benchmarks.handbook.protocol import FIRST_DAY, handbook_split
from benchmarks.handbook.rivals import HANDBOOK_FEATURES, rules
from benchmarks.handbook.simulator import LARGE_CENTS, Setting, simulated
from benchmarks.handbook.world import with_features

from common.ml.metrics import average_precision

SETTING = Setting(seed=3, customers=150, terminals=300, days=60, terminals_a_day=1, customers_a_day=1)
RATES = Rates(SETTING.terminals_a_day / SETTING.terminals, SETTING.customers_a_day / SETTING.customers)
START = "2018-04-15"


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    return with_features(simulated(SETTING))


def get_train_test_set(rows: pd.DataFrame, start: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The Handbook's function of that name (chapter 3), with its 7 days of training, delay and test."""
    week = pd.Timedelta(days=7)
    train = rows[(rows["event_time"] >= start) & (rows["event_time"] < start + week)]
    number = (rows["event_time"] - rows["event_time"].min().floor("D")).dt.days
    first = number[train.index].min()
    known = set(train.loc[train["is_fraud"], "customer"])
    tests = []
    for day in range(7):
        delayed = rows[number == first + 7 + day - 1]
        known |= set(delayed.loc[delayed["is_fraud"], "customer"])
        today = rows[number == first + 14 + day]
        tests.append(today[~today["customer"].isin(known)])
    return train, pd.concat(tests)


@pytest.mark.parametrize("start", [START, "2018-04-22", "2018-05-06"])
def test_folds_have_the_handbooks_days_and_leave_out_the_same_customers(world: pd.DataFrame, start: str) -> None:
    train, test = get_train_test_set(world, pd.Timestamp(start, tz="UTC"))
    split = handbook_split(world, start)
    assert list(split.train.index) == list(train.index)
    assert list(split.valid.index) == list(test.index)
    in_test_week = world["day"].between(split.valid["day"].min(), split.valid["day"].max())
    assert 0 < len(test) < in_test_week.sum()


def test_a_longer_training_changes_nothing_of_the_test(world: pd.DataFrame) -> None:
    short, long = handbook_split(world, START), handbook_split(world, START, train_from=FIRST_DAY)
    assert short.valid.equals(long.valid)
    assert long.train.index.max() == short.train.index.max()
    assert world.loc[long.train.index[0], "day"] == pd.Timestamp(FIRST_DAY, tz="UTC")


def test_the_bound_knows_no_label_before_it_is_revealed(world: pd.DataFrame) -> None:
    end = world["event_time"].max()
    is_open = world["event_time"] > end - pd.Timedelta(days=7)
    flipped = world.assign(is_fraud=world["is_fraud"] ^ is_open)
    np.testing.assert_array_equal(bayes_scores(world, RATES), bayes_scores(flipped, RATES))
    older = world.assign(is_fraud=world["is_fraud"] ^ ~is_open)
    assert (bayes_scores(world, RATES) != bayes_scores(older, RATES)).any()


def test_the_bound_ranks_better_than_what_it_is_made_of_and_is_calibrated(world: pd.DataFrame) -> None:
    scores, is_fraud = bayes_scores(world, RATES), world["is_fraud"].to_numpy()
    for name in ("amount_eur", "terminal_fraud_rate_30d"):
        assert average_precision(is_fraud, scores) > average_precision(is_fraud, world[name].to_numpy()) + 0.1
    assert scores.sum() == pytest.approx(is_fraud.sum(), rel=0.15)


def test_fraud_is_what_the_handbook_says(world: pd.DataFrame) -> None:
    assert world.loc[world["cents"] > LARGE_CENTS, "is_fraud"].all()
    assert (world["is_fraud"] == (world["scenario"] > 0)).all()
    assert set(world["scenario"]) == {0, 1, 2, 3}
    # 28 days at a terminal, with nothing genuine in between.
    first = world[world["scenario"] == 2].groupby("terminal")["day"].min()
    since = world["day"] - world["terminal"].map(first)
    inside = (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=28)) & (world["day"] < world["day"].max())
    begun_late = world["terminal"].map(first) > world["day"].min() + pd.Timedelta(days=1)
    assert world.loc[inside & begun_late, "is_fraud"].mean() > 0.95


def test_of_the_rules_those_that_the_data_can_feed_are_judged(world: pd.DataFrame) -> None:
    fires = rules([handbook_split(world, START)])
    assert set(fires) == {"unusual_amount"}
    assert 0 < fires["unusual_amount"][0].mean() < 0.5


def test_the_handbook_has_fifteen_features() -> None:
    assert len(HANDBOOK_FEATURES) == 15
