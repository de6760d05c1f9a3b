"""What becomes of a record's bytes, without a broker."""

import json
from typing import Any

import pytest

from common.errors import DeclarationError
from common.sources.kafka.position import check_start, lost, start_options
from common.sources.kafka.values import KEY_NOT_UTF8, NOT_UTF8, TOMBSTONE, Values

ALL = Values(("key", "timestamp", "headers"))


def test_a_plain_value_is_its_text() -> None:
    assert Values().read(b"k", b'{"a": 1.500}', 0, ()) == ('{"a": 1.500}', None)
    assert Values().read(b"k", b"no JSON", 0, ()) == ("no JSON", None)
    assert Values().read(b"k", b"\xff", 0, ()) == ('{"base64": "/w=="}', NOT_UTF8)
    assert Values().read(b"k", None, 0, ()) == (None, TOMBSTONE)


def test_what_is_beside_a_value_comes_in_front_and_leaves_its_digits() -> None:
    text, error = ALL.read(b"k\xc3\xa9", b' {"a": 1.500, "b": 12345678901234567890}', 1_500, (("h", b"1"), ("n", None)))
    assert error is None
    assert text == (
        '{"_key": "ké", "_timestamp": "1970-01-01T00:00:01.500Z", "_headers": {"h": "1", "n": null}, '
        '"a": 1.500, "b": 12345678901234567890}'
    )
    assert json.loads(ALL.read(None, b"{ }", None, ())[0] or "") == {
        "_key": None,
        "_timestamp": None,
        "_headers": {},
    }
    assert ALL.read(b"k", b"[1]", 0, ()) == ("[1]", None), "silver says what it is"


def test_a_key_that_is_no_text_refuses_the_record_where_it_is_asked_for() -> None:
    assert ALL.read(b"\xff", b'{"a": 1}', 0, ()) == ('{"a": 1}', KEY_NOT_UTF8)
    assert Values(tombstones="deletion").read(b"\xff", None, 0, ()) == (
        '{"_key": {"base64": "/w=="}, "_deleted": true}',
        KEY_NOT_UTF8,
    )
    assert Values(("headers",)).read(b"\xff", b"{}", 0, ()) == ('{"_headers": {}}', None)
    no_time = "its timestamp 1000000000000000 is no time: leave `timestamp` out of `with`"
    assert ALL.read(b"k", b'{"a": 1}', 10**15, ()) == ('{"a": 1}', no_time)


def test_headers_that_repeat_or_are_no_text_lose_nothing() -> None:
    headers = (("h", b"1"), ("n", None), ("h", b"\xff"), ("h", None), ("b", b"\xff\xfe"))
    text, error = Values(("headers",)).read(None, b"{}", 0, headers) or ("", "")
    assert error is None
    assert json.loads(text or "")["_headers"] == {
        "h": ["1", {"base64": "/w=="}, None],
        "n": None,
        "b": {"base64": "//4="},
    }


def test_a_tombstone_may_be_a_deletion() -> None:
    text, error = Values(tombstones="deletion").read(b"c1", None, 0, ())
    assert (json.loads(text or ""), error) == ({"_key": "c1", "_deleted": True}, None)


SOURCE = {"schema": "public", "table": "accounts", "lsn": 26_000_000, "ts_ms": 1_700_000_000_123, "txId": 7}


def changed(op: str, before: Any = None, after: Any = None, key: Any = None, **source: Any) -> tuple[Any, str | None]:
    event = {"before": before, "after": after, "source": SOURCE | source, "op": op, "ts_ms": 1}
    key_bytes = None if key is None else json.dumps(key).encode()
    found = Values(envelope="debezium").read(key_bytes, json.dumps(event).encode(), 0, ())
    assert found is not None
    return found[0] and json.loads(found[0]), found[1]


def test_a_change_is_the_row_and_what_happened() -> None:
    payload, error = changed("u", {"id": 1}, {"id": 1, "name": "A"}, {"id": 1}, ts_us=1_700_000_000_123_456)
    assert error is None
    assert payload == {
        "id": "1",
        "name": "A",
        "_op": "u",
        "_table": "public.accounts",
        "_changed_at": "2023-11-14T22:13:20.123456+00:00",
        "_order": "00000000018CBA80/00000000",
    }


def test_digits_of_a_change_stay() -> None:
    event = f'{{"op": "c", "after": {{"n": 1.50, "big": 123456789012345678901}}, "source": {json.dumps(SOURCE)}}}'
    for text in (event, f'{{"schema": {{"type": "struct"}}, "payload": {event}}}'):
        payload, error = Values(envelope="debezium").read(None, text.encode(), 0, ()) or (None, "")
        assert error is None
        fields = json.loads(payload or "", parse_float=str, parse_int=str)
        assert (fields["n"], fields["big"]) == ("1.50", "123456789012345678901")


def test_a_delete_whose_key_can_t_be_read_is_refused() -> None:
    for op, refused in (("d", f"Debezium: {KEY_NOT_UTF8}"), ("c", None)):
        event = {"before": {"id": 1}, "after": {"id": 1}, "source": SOURCE, "op": op}
        found = Values(envelope="debezium").read(b"\xff", json.dumps(event).encode(), 0, ())
        assert found is not None
        assert (found[0] == json.dumps(event), found[1]) == (refused is not None, refused)


def test_of_a_delete_the_key_alone_is_believed() -> None:
    before = {"id": 1, "at": "1970-01-01T00:00:00Z"}
    assert "at" not in changed("d", before, key={"id": 1})[0]
    assert "at" not in changed("d", before, key={"schema": {}, "payload": {"id": 1}})[0]
    assert changed("d", before)[0]["at"] == "1970-01-01T00:00:00Z", "without a key the whole row is one"


def test_a_tombstone_after_a_delete_says_nothing_more() -> None:
    assert Values(envelope="debezium").read(b"{}", None, 0, ()) is None


def test_a_truncate_has_no_columns() -> None:
    payload, _ = changed("t")
    assert (payload["_op"], payload["_table"], len(payload)) == ("t", "public.accounts", 4)


@pytest.mark.parametrize(
    ("op", "after", "source", "why"),
    [
        ("c", {"id": 1, "note": "__debezium_unavailable_value"}, {}, "the value of note was not sent"),
        ("m", None, {}, "op 'm' is none of"),
        ("c", None, {}, "op c without `after`"),
        ("c", {"id": 1}, {"lsn": None}, "has no `lsn`"),
        ("c", {"id": 1}, {"ts_ms": None}, "has no `ts_ms`"),
    ],
)
def test_a_change_that_is_not_read(op: str, after: Any, source: dict[str, Any], why: str) -> None:
    payload, error = changed(op, None, after, **source)
    assert payload == {"before": None, "after": after, "source": SOURCE | source, "op": op, "ts_ms": 1}
    assert why in (error or "")


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"id": 1}', '{"op": "c", "op": "d"}', "[" * 100_000])
def test_what_is_no_change_says_so(text: str) -> None:
    payload, error = Values(envelope="debezium").read(None, text.encode(), 0, ()) or ("", "")
    assert payload == text, "what came is kept beside the reason"
    assert (error or "").startswith("Debezium: ")


def test_half_of_a_surrogate_pair_stays_an_escape() -> None:
    payload, _ = changed("c", None, {"id": "\ud800"})
    assert payload["id"] == "\ud800"


def test_starts() -> None:
    assert start_options("earliest", "t", (0,)) == {"startingOffsets": "earliest"}
    assert start_options("1970-01-01T00:00:01Z", "t", (0,))["startingTimestamp"] == "1000"
    offsets = start_options('{"1": 5}', "t", (0, 1))["startingOffsets"]
    assert json.loads(offsets) == {"t": {"0": -2, "1": 5}}


@pytest.mark.parametrize("text", ["", "now", "2026-01-01", "2026-01-01T00:00:00", "{}", '{"a": 1}', '{"0": -1}', "{"])
def test_what_is_no_start(text: str) -> None:
    with pytest.raises(DeclarationError, match="says no start: write earliest"):
        check_start(text)


def test_what_is_lost() -> None:
    assert lost({0: 5, 1: 5, 2: 5, 3: 5}, {0: (5, 9), 1: (7, 9), 2: (0, 3), 3: (0, 5)}) == {1: (5, 7), 2: (5, 3)}
