from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_builders import a_world, day

from common.ml.folds import fold_at, labels_known, protocol_at, rows_to_judge, rows_to_learn

DAYS = st.integers(min_value=0, max_value=3000).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=n))


def reports(*rows: tuple[str, bool, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "transaction_id": [row[0] for row in rows],
            "is_fraud": [row[1] for row in rows],
            "reported_at": pd.to_datetime([day(row[2]) for row in rows], utc=True),
        }
    )


@given(as_of=DAYS, train_days=st.integers(1, 200), delay_days=st.integers(0, 30), validation_folds=st.integers(1, 5))
def test_windows_follow_each_other_and_every_label_is_known_in_time(
    as_of: datetime, train_days: int, delay_days: int, validation_folds: int
) -> None:
    protocol = protocol_at(as_of, train_days, delay_days, validation_folds)
    assert len(protocol.validations) == validation_folds
    for fold in (*protocol.validations, protocol.test):
        assert fold.train_start < fold.train_end <= fold.test_start < fold.test_end
        assert fold.test_start - fold.train_end == timedelta(days=delay_days)
        assert fold.train_end - fold.train_start == timedelta(days=train_days)
    assert protocol.test.labels_known_at == as_of
    assert protocol.validation.labels_known_at == protocol.test.test_start
    for later, earlier in zip((protocol.test, *protocol.validations), protocol.validations, strict=False):
        assert earlier.test_end <= later.test_start
        assert earlier.labels_known_at <= protocol.test.test_start
    assert protocol.start == min(fold.train_start for fold in protocol.validations)


def test_the_dates_of_a_fold() -> None:
    fold = protocol_at(datetime(2018, 9, 5, tzinfo=UTC), 60).test
    assert fold.dates() == {
        "train_start": "2018-06-16",
        "train_end": "2018-08-15",
        "test_start": "2018-08-22",
        "test_end": "2018-08-29",
        "labels_known_at": "2018-09-05",
    }


def test_rows_of_a_fold_lie_in_its_half_open_windows_and_do_not_meet() -> None:
    world, fold = a_world(days=40), fold_at(day(30, 0), train_days=10)
    train, test = (rows(world.rows, world.reports, fold) for rows in (rows_to_learn, rows_to_judge))
    assert train["event_time"].min() == day(13, 0)
    assert train["event_time"].max() < day(23, 0)
    assert (test["event_time"].min(), len(test)) == (day(30, 0), 7 * 150)
    assert not set(train["transaction_id"]) & set(test["transaction_id"])


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param([("a", True, 5)], True, id="reported before"),
        pytest.param([("a", True, 10)], True, id="reported at the very moment"),
        pytest.param([("a", True, 11)], False, id="reported later"),
        pytest.param([("a", True, 5), ("a", False, 7)], False, id="withdrawn"),
        pytest.param([("a", True, 5), ("a", False, 12)], True, id="withdrawn later"),
        pytest.param([("a", False, 7), ("a", True, 8), ("b", True, 1)], True, id="reported again"),
        pytest.param([("a", True, 5), ("a", False, 5)], True, id="two reports at once"),
        pytest.param([("a", False, 5), ("a", True, 5)], True, id="two reports at once, the other way round"),
        pytest.param([("b", True, 5)], False, id="another transaction"),
        pytest.param([], False, id="no report"),
    ],
)
def test_a_label_is_the_last_report_known_at_the_cut_off(known: list[tuple[str, bool, int]], expected: bool) -> None:
    assert labels_known(pd.Series(["a"]), reports(*known), day(10)).tolist() == [expected]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 12)), max_size=8).flatmap(st.permutations),
    st.integers(0, 12),
)
def test_reports_that_contradict_each_other_or_arrive_twice_make_one_label_in_any_order(
    arrived: list[tuple[str, bool, int]], known_at: int
) -> None:
    """The last report that was there, by hand; of those at the same moment fraud is believed."""
    for doubled in (arrived, [*arrived, *arrived]):
        labels = labels_known(pd.Series(["a", "b", "c"]), reports(*doubled), day(known_at))
        expected = []
        for transaction in "abc":
            there = [(at, fraud) for name, fraud, at in doubled if name == transaction and at <= known_at]
            latest = max((at for at, _ in there), default=None)
            expected.append(any(fraud for at, fraud in there if at == latest))
        assert labels.tolist() == expected


def test_a_report_that_came_after_the_cut_off_is_not_learnt_but_is_tested_on() -> None:
    world = a_world(days=40)
    fold = fold_at(day(20, 0), train_days=10)
    late = world.reports.assign(reported_at=day(20, 1))
    assert rows_to_learn(world.rows, world.reports, fold)["is_fraud"].sum() > 10
    assert rows_to_learn(world.rows, late, fold)["is_fraud"].sum() == 0
    assert rows_to_judge(world.rows, late, fold)["is_fraud"].sum() > 10
