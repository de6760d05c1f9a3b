"""Many records at once come as each by itself does."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from common.sources.kafka.batches import reading
from common.sources.kafka.values import Values

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
SCHEMA = pa.schema(
    [
        ("source_ref", pa.string()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("at", pa.int64()),
        ("headers", HEADERS),
    ]
)
DAY = 86_400_000

some_bytes = st.one_of(
    st.none(), st.text(max_size=4).map(str.encode), st.sampled_from([b"\xff", b"{}", b' {"a": 1.50}'])
)
headers = st.one_of(st.none(), st.lists(st.tuples(st.sampled_from(["h", "\n", "é"]), some_bytes), max_size=4))
times = st.one_of(st.none(), st.integers(-2, 3 * DAY), st.integers(0, 2**62))
records = st.lists(st.tuples(some_bytes, some_bytes, times, headers), max_size=8)
ways = st.builds(
    Values,
    st.sampled_from([(), ("key",), ("timestamp", "headers"), ("key", "timestamp", "headers")]),
    st.sampled_from(["refuse", "deletion"]),
    st.sampled_from([None, "debezium"]),
)


def batch_of(given_: list[Any]) -> pa.RecordBatch:
    rows = [
        {
            "source_ref": f"#{place}",
            "key": key,
            "value": value,
            "at": at,
            "headers": named and [{"key": name, "value": content} for name, content in named],
        }
        for place, (key, value, at, named) in enumerate(given_)
    ]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


@given(ways, records, st.integers(0, 3))
def test_a_batch_is_its_records(values: Values, given_: list[Any], start: int) -> None:
    expected = []
    for place, (key, value, at, named) in enumerate(given_):
        found = values.read(key, value, at, tuple(named or ()))
        if found is not None and place >= start:
            expected.append((f"#{place}", *found))
    made = [row for batch in reading(values)([batch_of(given_)[start:]]) for row in batch.to_pylist()]
    assert [tuple(row.values()) for row in made] == expected


@given(records)
def test_what_is_beside_values_is_all_there(given_: list[Any]) -> None:
    values = Values(("key", "timestamp", "headers"), "deletion")
    made = [row for batch in reading(values)([batch_of(given_)]) for row in batch.to_pylist()]
    assert len(made) == len(given_)
    for row, (key, value, at, named) in zip(made, given_, strict=True):
        if row["read_error"] is not None or not (row["payload"] or "").startswith('{"_key'):
            continue
        found = json.loads(row["payload"])
        assert found["_key"] == (None if key is None else key.decode())
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        time = None if at is None or at < 0 else epoch + timedelta(milliseconds=at)
        assert found["_timestamp"] == (time and time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        flat = [one for each in found["_headers"].values() for one in (each if isinstance(each, list) else [each])]
        assert len(flat) == len(named or ())
        assert {name for name, _ in named or ()} == set(found["_headers"])
        assert found.get("_deleted", False) is (value is None)
