"""The running state against the oracle: whatever the order of arrival, and however it is cut into batches."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from feature_oracle import expected
from feature_worlds import Report, Transaction, apart, at, busy_world, labels_table, small_worlds, transactions_table
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_FEATURES
from common.features.reach import REACH_DAYS
from common.features.state import FeatureState
from common.features.state.feature_state import KEPT_DAYS

LONG_AGO = 0
Features = dict[str, dict[str, Any]]


def answered(state: FeatureState, rows: Sequence[Transaction]) -> Features:
    """The state's features of rows that arrive, by transaction_id."""
    found = state.features(transactions_table(rows)).to_pylist()
    assert [row["transaction_id"] for row in found] == [row.transaction_id for row in rows]
    return {row["transaction_id"]: {name: row[name] for name in FEATURE_NAMES} for row in found}


def wanted(rows: Sequence[Transaction], world: Sequence[Transaction], reports: Sequence[Report]) -> Features:
    return {row.transaction_id: expected(row, world, reports) for row in rows}


def micros(time: Any) -> int:
    return round(time.timestamp() * 1e6)


def arrive(dice: Random, world: Sequence[Transaction], reports: Sequence[Report]) -> FeatureState:
    """Lets a world arrive in any order, some of it more than once; what each batch gets is what the oracle says."""
    state = FeatureState(LONG_AGO, kept_days=1000)
    things: list[Transaction | Report] = [*world, *reports]
    things += dice.sample(things, len(things) // 4)
    dice.shuffle(things)
    rows: dict[str, Transaction] = {}
    known: set[Report] = set()
    while things:
        taken = [things.pop() for _ in range(min(len(things), dice.randrange(1, 9)))]
        batch = list({x.transaction_id: x for x in taken if isinstance(x, Transaction)}.values())
        labels = [x for x in taken if isinstance(x, Report)]
        rows |= {row.transaction_id: row for row in batch}
        known |= set(labels)
        state.learn(labels_table(labels))
        assert answered(state, batch) == wanted(batch, list(rows.values()), list(known))
    assert len(state) == len(world)
    return state


@settings(max_examples=40)
@given(st.lists(small_worlds(), min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_in_any_order_of_arrival_each_batch_gets_what_the_oracle_says(worlds: list[Any], dice: Random) -> None:
    rows = [apart(number, row) for number, (world, _, _) in enumerate(worlds) for row in world]
    reports = [
        replace(report, transaction_id=f"{number}-{report.transaction_id}")
        for number, (_, own, _) in enumerate(worlds)
        for report in own
    ]
    state = arrive(dice, rows, reports)
    assert answered(state, rows) == wanted(rows, rows, reports)


@pytest.mark.parametrize("seed", range(6))
def test_busy_keys_in_any_order_get_what_the_oracle_says(seed: int) -> None:
    world, reports = busy_world(Random(seed))
    found = answered(arrive(Random(seed), world, reports), world)
    assert found == wanted(world, world, reports)
    assert len({row["terminal_fraud_streak"] for row in found.values()}) > 1
    assert len({row["customer_unusual_count_7d"] for row in found.values()}) > 1


@pytest.mark.parametrize("seed", range(4))
def test_history_that_was_added_at_once_answers_as_the_same_in_batches(seed: int) -> None:
    world, reports = busy_world(Random(seed))
    world.sort(key=lambda row: (row.event_time, row.transaction_id))
    state = FeatureState(LONG_AGO)
    state.add(transactions_table(world[:25]))
    state.learn(labels_table(reports))
    assert answered(state, world[25:]) == wanted(world[25:], world, reports)


def test_the_table_has_the_columns_of_the_contract_in_its_types() -> None:
    row = Transaction("a", at(0), cents=1250)
    table = FeatureState(LONG_AGO).features(transactions_table([row]))
    assert tuple(table.column_names) == TRANSACTION_FEATURES.column_names
    kinds = {"double": "double", "bigint": "int64", "boolean": "bool", "string": "string", "date": "date32[day]"}
    declared = [kinds.get(column.type, "timestamp[us, tz=UTC]") for column in TRANSACTION_FEATURES.columns]
    assert [str(type_) for type_ in table.schema.types] == declared
    (found,) = table.to_pylist()
    assert (found["event_time"], found["event_date"], found["account_id"]) == (at(0), at(0).date(), "account")


def test_a_batch_that_is_run_again_counts_once() -> None:
    world, reports = busy_world(Random(1))
    state = FeatureState(LONG_AGO, kept_days=1000)
    state.learn(labels_table(reports))
    first = answered(state, world)
    state.learn(labels_table(reports))
    assert answered(state, world) == first
    assert len(state) == len(world)


def test_a_row_twice_in_one_batch_counts_once() -> None:
    row = Transaction("a", at(0))
    found = FeatureState(LONG_AGO).features(transactions_table([row, row])).to_pylist()
    assert [each["customer_tx_count_1d"] for each in found] == [1, 1]


def test_an_id_on_two_dates_is_two_transactions_and_a_report_is_of_both() -> None:
    world = [Transaction("a", at(0)), Transaction("a", at(1)), Transaction("b", at(9))]
    state = FeatureState(LONG_AGO)
    state.learn(labels_table([Report("a", True, at(8))]))
    found = answered(state, world)["b"]
    assert (found["terminal_tx_count_30d"], found["terminal_fraud_rate_30d"]) == (2, 1.0)


def test_a_clock_that_goes_backwards_changes_nothing_for_what_comes_then() -> None:
    future = Transaction("future", at(4000))
    world = [Transaction(f"{n:02}", at(day), cents=1000 + day) for n, day in enumerate((1, 3, 8, 2, 2, 9, 4, 11))]
    state = FeatureState(LONG_AGO)
    state.features(transactions_table([world[0], future]))
    for number, row in enumerate(world):
        assert answered(state, [row]) == wanted([row], [future, *world[: number + 1]], [])
    assert len(state) == len(world) + 1


def long_world() -> tuple[list[Transaction], list[Report]]:
    """A payment every other day for most of a year."""
    dice = Random(3)
    rows = [
        Transaction(f"{n:03}", at(2 * n, seconds=dice.randrange(999)), dice.choice("ab"), dice.choice("ab"), cents)
        for n, cents in enumerate(dice.choices((1000, 1100, 1200, 5000), k=160))
    ]
    frauds = [row for row in rows if row.cents == 5000 or dice.random() < 0.1]
    return rows, [Report(row.transaction_id, True, row.event_time + timedelta(days=7)) for row in frauds]


def test_what_the_reach_has_passed_is_forgotten_and_missing_nowhere() -> None:
    world, reports = long_world()
    first = world[0].event_time - timedelta(days=KEPT_DAYS + 1)
    state = FeatureState(micros(first))
    by_day: list[int] = []
    for begin in range(0, len(world), 4):
        batch = world[begin : begin + 4]
        until = batch[-1].event_time
        state.learn(labels_table([r for r in reports if r.reported_at <= until]))
        assert answered(state, batch) == wanted(batch, world[: begin + 4], reports)
        by_day.append(len(state))
    assert max(by_day) <= KEPT_DAYS / 2 + 4
    assert max(by_day[-10:]) <= max(by_day[10:20])
    reported = [report.transaction_id in state._reports for report in reports]
    assert not any(reported[:20])
    assert any(reported)


def test_late_rows_within_the_margin_are_answered_and_older_ones_are_refused() -> None:
    world, reports = long_world()
    newest = world[-1].event_time
    since = newest - timedelta(days=KEPT_DAYS)
    state = FeatureState(micros(since))
    state.add(transactions_table(world))
    state.learn(labels_table(reports))
    late = Transaction("late", newest - timedelta(days=KEPT_DAYS - REACH_DAYS) + timedelta(seconds=1), "a", "a")
    assert answered(state, [late]) == wanted([late], [*world, late], reports)
    with pytest.raises(ValueError, match="more history is needed"):
        answered(state, [replace(late, event_time=late.event_time - timedelta(days=1))])


@pytest.mark.parametrize("days", [90, 180])
def test_the_work_of_a_batch_does_not_grow_with_the_length_of_history(days: int) -> None:
    assert gathered(days) == gathered(80)


def gathered(days: int) -> int:
    """Rows that a batch reads when so many days of history have come before it."""
    rows = [Transaction(f"{n:05}", at(n / 10), str(n % 7), str(n % 5)) for n in range(days * 10)]
    history, batch = rows[:-20], rows[-20:]
    state = FeatureState(micros(at(-1)))
    state.add(transactions_table(history))
    state.rows_gathered = 0
    answered(state, batch)
    return state.rows_gathered
