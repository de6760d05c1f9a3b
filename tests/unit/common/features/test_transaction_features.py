"""The features against an oracle in plain Python: small cases first, then many random worlds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from feature_oracle import expected
from feature_worlds import Report, Transaction, apart, at, reports_frame, small_worlds, transactions_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES
from common.features.transactions import transaction_features

pytestmark = pytest.mark.spark


def computed(
    spark: SparkSession, new: Sequence[Transaction], known: Sequence[Transaction], reports: Sequence[Report]
) -> dict[str, dict[str, Any]]:
    """Features of `new` by transaction_id."""
    frame = transaction_features(
        transactions_frame(spark, new), transactions_frame(spark, known), reports_frame(spark, reports)
    )
    rows = frame.select("transaction_id", *FEATURE_NAMES).collect()
    assert len(rows) == len(new)
    return {row["transaction_id"]: {name: row[name] for name in FEATURE_NAMES} for row in rows}


World = tuple[Sequence[Transaction], Sequence[Report]]

SMALL: dict[str, World] = {
    "ties": (
        [Transaction("b", at(0), cents=300), Transaction("a", at(0), cents=100), Transaction("c", at(0), cents=200)],
        [],
    ),
    "edge of a window": ([Transaction("a", at(0)), Transaction("b", at(1)), Transaction("c", at(1, micros=-1))], []),
    "edge of the delay": ([Transaction("a", at(0)), Transaction("b", at(7)), Transaction("c", at(7, micros=-1))], []),
    **{
        f"reported on day {day}": (
            [Transaction("fraud", at(0)), Transaction("later", at(7.5), customer_id="other")],
            [Report("fraud", True, at(day))],
        )
        for day in (3, 7, 7.5, 7.6, 20)
    },
    "withdrawn": (
        [Transaction("fraud", at(0)), *(Transaction(f"day{day}", at(day)) for day in (8, 9, 10, 11))],
        [Report("fraud", True, at(1)), Report("fraud", False, at(9)), Report("fraud", True, at(11))],
    ),
    "reported twice": (
        [Transaction("fraud", at(0)), Transaction("later", at(8))],
        [Report("fraud", True, at(1)), Report("fraud", True, at(2))],
    ),
    "two reports at once": (
        [Transaction("fraud", at(0)), Transaction("later", at(8))],
        [Report("fraud", False, at(1)), Report("fraud", True, at(1))],
    ),
    "without ids": (
        [
            *(Transaction(name, at(9), customer_id=None, terminal_id=None) for name in "ab"),
            Transaction("a0", at(0), customer_id=None, terminal_id=None),
            Transaction("with", at(9), customer_id="a", terminal_id="a"),
        ],
        [Report("a0", True, at(1))],
    ),
    "unknown amount": (
        [Transaction("a", at(0), cents=None), Transaction("b", at(0.1), cents=501), Transaction("c", at(2))],
        [],
    ),
    "large amounts": ([Transaction(f"{n:02}", at(n / 100), cents=1_000_000_000 - n) for n in range(40)], []),
}


Small = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def small(spark: SparkSession) -> Small:
    """Features by world and transaction. The worlds go through Spark at once, each apart from the others."""
    rows = [apart(number, row) for number, (world, _) in enumerate(SMALL.values()) for row in world]
    reports = [
        replace(report, transaction_id=f"{number}-{report.transaction_id}")
        for number, (_, reported) in enumerate(SMALL.values())
        for report in reported
    ]
    found: Small = {name: {} for name in SMALL}
    for id_, values in computed(spark, rows, rows, reports).items():
        number, own = id_.split("-", 1)
        found[list(SMALL)[int(number)]][own] = values
    return found


def features(small: Small, name: str) -> dict[str, dict[str, Any]]:
    """Features of a small world, compared with the oracle's."""
    world, reports = SMALL[name]
    assert small[name] == {row.transaction_id: expected(row, world, reports) for row in world}
    return small[name]


def test_rows_have_the_columns_of_the_contract_in_its_types(spark: SparkSession) -> None:
    world = [Transaction("a", at(0))]
    frame = transaction_features(
        transactions_frame(spark, world), transactions_frame(spark, []), reports_frame(spark, [])
    )
    declared = [(column.name, column.type) for column in TRANSACTION_FEATURES.columns]
    assert [(name, kind) for name, kind in frame.dtypes] == declared
    (row,) = frame.collect()
    assert (row["customer_id"], row["account_id"], row["terminal_id"]) == ("c", "account", "t")
    assert frame.selectExpr("unix_micros(event_time)").first()[0] == at(0).timestamp() * 1e6
    assert row["event_date"] == at(0).date()


def test_no_new_transactions_give_no_rows(spark: SparkSession) -> None:
    assert computed(spark, [], [Transaction("a", at(0))], []) == {}


def test_of_two_transactions_at_the_same_time_the_earlier_id_counts_for_the_later_one(small: Small) -> None:
    rows = features(small, "ties")
    assert [rows[name]["customer_tx_count_1d"] for name in "abc"] == [1, 2, 3]
    assert [rows[name]["customer_amount_mean_1d"] for name in "abc"] == [1.0, 2.0, 2.0]


def test_a_transaction_exactly_one_window_ago_has_left_it(small: Small) -> None:
    assert features(small, "edge of a window")["b"]["customer_tx_count_1d"] == 2


def test_a_terminal_window_ends_exactly_at_the_delay(small: Small) -> None:
    rows = features(small, "edge of the delay")
    assert [rows[name]["terminal_tx_count_1d"] for name in "abc"] == [0, 1, 0]


@pytest.mark.parametrize(("reported", "rate"), [(3, 1.0), (7, 1.0), (7.5, 1.0), (7.6, 0.0), (20, 0.0)])
def test_a_fraud_counts_from_its_report_on(small: Small, reported: float, rate: float) -> None:
    rows = features(small, f"reported on day {reported}")
    assert rows["later"]["terminal_fraud_rate_7d"] == rate


def test_a_withdrawn_report_stops_counting_and_may_count_again(small: Small) -> None:
    rows = features(small, "withdrawn")
    known = [rows[f"day{day}"]["terminal_fraud_rate_7d"] > 0 for day in (8, 9, 10, 11)]
    assert known == [True, False, False, True]


def test_a_fraud_reported_twice_counts_once(small: Small) -> None:
    assert features(small, "reported twice")["later"]["terminal_fraud_rate_7d"] == 1.0


def test_of_two_reports_at_the_same_time_fraud_is_believed(small: Small) -> None:
    assert features(small, "two reports at once")["later"]["terminal_fraud_rate_7d"] == 1.0


def test_without_customer_or_terminal_its_features_are_null(small: Small) -> None:
    rows = features(small, "without ids")
    windowed = [name for name in FEATURE_NAMES if name.startswith(("customer", "terminal"))]
    assert {rows["b"][name] for name in windowed} == {None}
    assert rows["with"]["customer_tx_count_30d"] == 1


def test_an_unknown_amount_counts_but_is_left_out_of_the_mean(small: Small) -> None:
    rows = features(small, "unknown amount")
    assert rows["a"]["customer_amount_mean_1d"] is None
    assert (rows["b"]["customer_tx_count_1d"], rows["b"]["customer_amount_mean_1d"]) == (2, 5.01)


def test_weekend_and_night_are_those_of_utc(spark: SparkSession) -> None:
    world = [Transaction(f"{hour:03}", at(0) + timedelta(hours=hour)) for hour in range(0, 24 * 7, 5)]
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        found = computed(spark, world, world, [])
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert found == {row.transaction_id: expected(row, world, []) for row in world}


def test_sums_of_large_amounts_are_exact(small: Small) -> None:
    features(small, "large amounts")


def test_a_late_row_gets_its_own_features_from_what_happened_before_it(spark: SparkSession) -> None:
    known = [Transaction("a", at(0)), Transaction("z", at(3))]
    late = Transaction("late", at(1))
    assert computed(spark, [late], known, []) == {"late": expected(late, [*known, late], [])}


# Each call of Spark takes its time, so that one example is many worlds.
@settings(max_examples=4)
@given(st.lists(small_worlds(), min_size=30, max_size=40), st.booleans())
def test_random_worlds_equal_the_oracle(spark: SparkSession, worlds: list[Any], holds_new: bool) -> None:
    new, known, all_reports, wanted = [], [], [], {}
    for number, (rows, own_reports, are_new) in enumerate(worlds):
        world = [apart(number, row) for row in rows]
        reports = [replace(report, transaction_id=f"{number}-{report.transaction_id}") for report in own_reports]
        chosen = [row for row, is_new in zip(world, are_new, strict=True) if is_new]
        new += chosen
        known += world if holds_new else [row for row in world if row not in chosen]
        all_reports += reports
        wanted |= {row.transaction_id: expected(row, world, reports) for row in chosen}
    assert computed(spark, new, known, all_reports) == wanted
