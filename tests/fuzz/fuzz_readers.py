"""Bytes and records that no reader may fall over: strategies of Kafka's and Kinesis' records, events and bodies."""

import json
from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats())
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
DEEP = st.integers(1_000, 20_000).map(lambda depth: ("[" * depth).encode())
LONG_NUMBER = st.integers(4_000, 6_000).map(lambda digits: b'{"n": ' + b"9" * digits + b"}")
SPOILT = st.tuples(JSON, st.integers(0, 40), st.binary(max_size=3)).map(
    lambda made: json.dumps(made[0]).encode()[: made[1]] + made[2] + json.dumps(made[0]).encode()[made[1] :]
)
VALUES = st.one_of(
    st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode()), SPOILT, DEEP, LONG_NUMBER
)
"""A record's bytes: any, JSON, JSON that was hurt, too deep or too long."""

_EVENT = {"op": "u", "before": {"id": 1}, "after": {"id": 1}, "transaction": {"total_order": 1}}
_SOURCE = {"lsn": 17, "schema": "public", "table": "accounts", "ts_ms": 1, "ts_us": 1}


def _event(hurt: dict[str, Any], hurt_source: dict[str, Any], op: str) -> bytes:
    return json.dumps({**_EVENT, "op": op, "source": {**_SOURCE, **hurt_source}, **hurt}).encode()


EVENTS = st.builds(
    _event,
    st.dictionaries(st.sampled_from([*_EVENT, "source"]), JSON, max_size=1),
    st.dictionaries(st.sampled_from([*_SOURCE]), JSON, max_size=1),
    st.sampled_from("crudt"),
)
"""Debezium's envelope, with other things in a place or two."""
TIMES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
HEADERS = st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.binary(max_size=20))), max_size=3)
