"""The features' arrays without Spark: against the oracle, however rows come in batches and are cut into chunks."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feature_oracle import OF_HABIT, OF_STREAK, expected
from feature_worlds import Report, Transaction, apart, busy_world, small_worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from common.features import groups
from common.features.customers import Habit, customer_features
from common.features.groups import by_key
from common.features.rows import SPANS, codes_of, rows_of
from common.features.terminals import terminal_features
from common.features.timeline import DAY_MICROS, Timeline, largest_between, running


def micros(time: Any) -> int:
    return round(time.timestamp() * 1e6)


def spans(row: Transaction, reports: Sequence[Report]) -> list[dict[str, int | None]]:
    own = sorted((r.reported_at, r.is_fraud) for r in reports if r.transaction_id == row.transaction_id)
    ends = [micros(time) for time, _ in own[1:]] + [None for _ in own[:1]]
    return [
        {"known_from": micros(time), "until": end}
        for (time, is_fraud), end in zip(own, ends, strict=True)
        if is_fraud and micros(time) != end
    ]


def table(world: Sequence[Transaction], reports: Sequence[Report], key: str) -> pa.Table:
    rows = sorted(world, key=lambda x: (getattr(x, key) or "", x.event_time, x.transaction_id))
    spans_type = pa.list_(pa.struct([("known_from", pa.int64()), ("until", pa.int64())]))
    columns: dict[str, pa.Array] = {
        "transaction_id": pa.array([x.transaction_id for x in rows]),
        "event_micros": pa.array([micros(x.event_time) for x in rows], pa.int64()),
        "cents": pa.array([x.cents for x in rows], pa.int64()),
        SPANS: pa.array([spans(x, reports) or None for x in rows], spans_type),
    }
    for name in ("customer_id", "terminal_id", "country", "channel", "merchant_id"):
        columns[name] = pa.array([getattr(x, name) for x in rows], pa.string())
    return pa.table(columns)


def computed(world: Sequence[Transaction], reports: Sequence[Report], rows_a_batch: int) -> dict[str, dict[str, Any]]:
    """The features that oracle and arrays have in common, by transaction_id."""
    found: dict[str, dict[str, Any]] = {x.transaction_id: {} for x in world}
    by_customer = table(world, reports, "customer_id")
    habit = Habit.unknown(len(world))
    customers = rows_of(by_customer, codes_of(by_customer["customer_id"]), "customer_id")
    customer_features(customers, by_customer, habit=habit)
    explained = dict(zip(by_customer["transaction_id"].to_pylist(), habit.is_explained, strict=True))
    for key, names in (("customer_id", OF_HABIT), ("terminal_id", OF_STREAK)):

        def work(part: pa.Table, codes: Any, key: str = key) -> dict[str, Any]:
            rows = rows_of(part, codes, key)
            if key == "customer_id":
                values = customer_features(rows, part)
            else:
                values = terminal_features(
                    rows, np.array([explained[x] for x in part["transaction_id"].to_pylist()]), 7
                )
            return {
                name: np.ma.MaskedArray(
                    np.asarray(v), mask=~rows.has_key | np.ma.getmaskarray(v) | np.isnan(np.asarray(v, "float64"))
                )
                for name, v in values.items()
            }

        fields = [
            (name, pa.int64() if "count" in name or name.endswith(("frauds_30d", "streak")) else pa.float64())
            for name in names
        ]
        schema = pa.schema([("transaction_id", pa.string()), *fields])
        batches = table(world, reports, key).to_batches(max_chunksize=rows_a_batch)
        for batch in by_key(batches, key, work, schema):
            for row in batch.to_pylist():
                found[row.pop("transaction_id")] |= row
    return found


def wanted(world: Sequence[Transaction], reports: Sequence[Report]) -> dict[str, dict[str, Any]]:
    return {x.transaction_id: {n: expected(x, world, reports)[n] for n in (*OF_HABIT, *OF_STREAK)} for x in world}


@settings(max_examples=30, deadline=None)
@given(st.lists(small_worlds(), min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 9))
def test_any_cut_gives_what_the_oracle_says(worlds: list[Any], batch: int, chunk: int) -> None:
    rows: list[Transaction] = []
    reports: list[Report] = []
    by_oracle = {}
    for number, (world, own, _) in enumerate(worlds):
        mine = [apart(number, row) for row in world]
        heard = [Report(f"{number}-{r.transaction_id}", r.is_fraud, r.reported_at) for r in own]
        by_oracle |= wanted(mine, heard)
        rows += mine
        reports += heard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "CHUNK_ROWS", chunk)
        assert computed(rows, reports, batch) == by_oracle


@pytest.mark.parametrize("seed", range(12))
def test_busy_keys_equal_the_oracle(seed: int) -> None:
    world, reports = busy_world(Random(seed))
    found = computed(world, reports, 7)
    assert found == wanted(world, reports)
    assert len({row["terminal_fraud_streak"] for row in found.values()}) > 1
    assert len({row["customer_unusual_count_7d"] for row in found.values()}) > 1


def test_many_keys_beside_one_time_that_is_far_off_are_exact() -> None:
    size = 60_000
    codes = np.sort(np.arange(size) % (size // 3))
    micros = np.tile(np.array([0, DAY_MICROS, 40 * DAY_MICROS]), size // 3)
    micros[0] = -36_500 * DAY_MICROS
    line = Timeline(codes, micros)
    before = np.arange(size) - line.up_to(codes, micros - 30 * DAY_MICROS)
    assert before.tolist() == [0, 0, 0] + [0, 1, 0] * (size // 3 - 1)


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=40), st.data())
def test_the_largest_between_is_the_largest_of_the_slice(values: list[float], data: st.DataObject) -> None:
    ends = st.integers(0, len(values))
    pairs = [sorted(data.draw(st.tuples(ends, ends))) for _ in range(5)]
    found = largest_between(np.array(values), *(np.array(side) for side in zip(*pairs, strict=True)))
    for (start, end), largest in zip(pairs, found, strict=True):
        known = [v for v in values[start:end] if not np.isnan(v)]
        assert largest == max(known) if known else np.isnan(largest)


def test_codes_tell_neighbours_apart_and_each_null_from_all() -> None:
    assert codes_of(pa.chunked_array([["a", "a"], ["b", None, None]])).tolist() == [0, 0, 1, 2, 3]
    assert running(np.array([2, 3])).tolist() == [0, 2, 5]
