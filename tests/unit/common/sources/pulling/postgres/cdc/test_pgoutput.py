"""Messages of pgoutput: what an encoder of the protocol's description writes is read; what is none is refused."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FeedError
from common.sources.pulling.postgres.cdc.lsn import IN_A_RUN, Place, PortionName, lsn_of, lsn_text
from common.sources.pulling.postgres.cdc.pgoutput import Begin, Change, Commit, Decoder, Truncate

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
UNCHANGED = object()
VALUES = st.one_of(st.none(), st.just(UNCHANGED), st.text(st.characters(exclude_categories=["Cs"])))


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def relation(oid: int, table: str, columns: dict[str, bool], identity: str = "d") -> bytes:
    parts = [
        b"R",
        struct.pack(">I", oid),
        text("public"),
        text(table),
        identity.encode(),
        struct.pack(">H", len(columns)),
    ]
    parts += [bytes([key]) + text(name) + struct.pack(">Ii", 25, -1) for name, key in columns.items()]
    return b"".join(parts)


def row(values: list[object]) -> bytes:
    parts = [struct.pack(">H", len(values))]
    for value in values:
        if value is None:
            parts.append(b"n")
        elif value is UNCHANGED:
            parts.append(b"u")
        else:
            data = str(value).encode()
            parts.append(b"t" + struct.pack(">I", len(data)) + data)
    return b"".join(parts)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.data())
def test_rows_are_read_as_they_were_written(values: dict[str, object], oid: int, data: st.DataObject) -> None:
    keys = {name: data.draw(st.booleans()) for name in values}
    decoder = Decoder()
    assert decoder.message(relation(oid, "t", keys)) is None
    head, written = struct.pack(">I", oid), row(list(values.values()))
    known = {name: value for name, value in values.items() if value is not UNCHANGED}
    identity = {name: value for name, value in known.items() if value is not None or keys[name]}
    for message, op, old, new in (
        (b"I" + head + b"N" + written, "c", None, known),
        (b"U" + head + b"N" + written, "u", None, known),
        (b"U" + head + b"K" + written + b"N" + written, "u", identity, known),
        (b"U" + head + b"O" + written + b"N" + written, "u", known, known),
        (b"D" + head + b"K" + written, "d", identity, None),
        (b"D" + head + b"O" + written, "d", known, None),
    ):
        change = decoder.message(message)
        assert isinstance(change, Change)
        assert (change.op, change.old, change.new) == (op, old, new)
        assert change.relation.identity == {name for name, is_key in keys.items() if is_key}
        for cut in (len(message) - 1, data.draw(st.integers(1, len(message) - 1))):
            with pytest.raises(FeedError, match="not what pgoutput writes"):
                decoder.message(message[:cut])
        with pytest.raises(FeedError, match="more bytes"):
            decoder.message(message + b"n")


@given(st.binary(max_size=60), st.sampled_from(b"BCRIUDTYOMXS\0"))
def test_bytes_by_chance_are_read_or_refused(noise: bytes, kind: int) -> None:
    decoder = Decoder()
    decoder.message(relation(1, "t", {"a": True, "b": False}))
    with suppress(FeedError):
        decoder.message(bytes([kind]) + noise)
        decoder.message(bytes([kind]) + struct.pack(">I", 1) + noise)


def test_transactions_and_truncations() -> None:
    decoder = Decoder()
    begin = decoder.message(b"B" + struct.pack(">QqI", 2**40 + 8, 1_000_000, 7))
    assert begin == Begin(2**40 + 8, 946_684_801_000_000)
    assert decoder.message(b"C\0" + struct.pack(">QQq", 8, 48, 1)) == Commit(8, 48)
    decoder.message(relation(1, "a", {"x": True}))
    decoder.message(relation(2, "b", {"x": True}, "f"))
    truncated = decoder.message(b"T" + struct.pack(">IBII", 2, 0, 1, 2))
    assert isinstance(truncated, Truncate)
    assert [(one.table, one.is_full) for one in truncated.relations] == [("public.a", False), ("public.b", True)]
    with pytest.raises(FeedError):
        decoder.message(b"I" + struct.pack(">I", 3) + b"N" + row(["1"]))


def test_a_table_that_is_described_again_has_its_new_columns() -> None:
    decoder = Decoder()
    for columns in ({"a": True}, {"a": True, "b": False}):
        decoder.message(relation(1, "t", columns))
        change = decoder.message(b"I" + struct.pack(">I", 1) + b"N" + row(["1"] * len(columns)))
        assert isinstance(change, Change)
        assert change.new == dict.fromkeys(columns, "1")


def test_bytes_that_are_no_utf8_are_kept_as_halves_of_pairs() -> None:
    decoder = Decoder()
    decoder.message(relation(1, "t", {"a": True}))
    change = decoder.message(b"I" + struct.pack(">I", 1) + b"N\0\1t" + struct.pack(">I", 1) + b"\xff")
    assert isinstance(change, Change)
    assert change.new == {"a": "\udcff"}


PLACES = st.builds(Place, st.integers(1, 2**56).map(lambda n: n * 64), st.integers(1, 7 * IN_A_RUN))


@given(PLACES, PLACES, st.integers(1, 9999))
def test_orders_and_names_sort_as_places_do(one: Place, other: Place, snapshot: int) -> None:
    assert (one < other) == (one.order < other.order)
    assert len(one.order) == 25
    names = [str(PortionName(snapshot, place)) for place in (one, other)]
    assert (one < other) == (names[0] < names[1])
    assert PortionName.of(names[0]) == PortionName(snapshot, one)


@given(st.integers(0, 2**64 - 1))
def test_places_in_the_log_are_written_as_postgresql_writes_them(lsn: int) -> None:
    assert lsn_of(lsn_text(lsn)) == lsn
    assert lsn_text(0x1_0152_9388) == "1/1529388"
