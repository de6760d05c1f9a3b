"""A body as events: their texts untouched, and what is refused, by event."""

import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from apps.events_api.body import events_of
from apps.events_api.request import Refused, Request
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BLANKS = st.text(" \t", max_size=3)
VALUES = st.one_of(NUMBERS, TEXTS.map(json.dumps), TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)))
"""JSON texts of values: numbers with all their digits, texts escaped or not."""


@st.composite
def event_texts(draw: st.DrawFn) -> str:
    members = draw(st.lists(st.tuples(TEXTS.filter(lambda name: name != "event_id"), VALUES), max_size=4))
    named = [f"{json.dumps(name)}{draw(BLANKS)}:{draw(BLANKS)}{value}" for name, value in members]
    named.insert(draw(st.integers(0, len(named))), f'"event_id":"{draw(st.integers(0, 10**9))}"')
    return "{" + f"{draw(BLANKS)},{draw(BLANKS)}".join(named) + "}"


def request(body: bytes, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/events", body, "r", datetime(2025, 1, 1, tzinfo=UTC), named)


def texts(body: bytes, **headers: str) -> list[str]:
    return [event.text for event in events_of(request(body, **headers), 1_000_000)]


def refusal(body: bytes | str, most_bytes: int = 1000, **headers: str) -> Refused:
    with pytest.raises(Refused) as caught:
        events_of(request(body if isinstance(body, bytes) else body.encode(), **headers), most_bytes)
    return caught.value


@given(st.lists(event_texts(), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", " \n\n\t"]))
def test_lines_and_arrays_give_the_same_texts_untouched(events: list[str], parting: str) -> None:
    assert texts(parting.join(events).encode()) == events
    assert texts(("[" + f"{parting},".join(events) + "]" + parting).encode()) == events
    assert texts(gzip.compress("\n".join(events).encode()), content_encoding="gzip") == events


@given(event_texts())
def test_one_object_may_have_lines_of_its_own(event: str) -> None:
    spread = "\n{\n" + event[1:-1] + "\n}\n"
    assert texts(spread.encode()) == [spread.strip()]


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_refused_for_a_reason(body: bytes) -> None:
    for sent in (body, b'{"event_id":"1"}\n' + body):
        with suppress(Refused):
            assert all(text.encode() in sent for text in texts(sent))


def test_digits_that_python_would_lose_stay() -> None:
    event = '{"event_id":"1","a":12.50,"b":1e400,"c":-0,"d":' + "9" * 5000 + "}"
    assert texts(event.encode()) == [event]


def test_members_of_a_gzip_file_follow_each_other() -> None:
    parts = gzip.compress(b'{"event_id":"1"}\n') + gzip.compress(b'{"event_id":"2"}')
    assert texts(parts, content_encoding="gzip") == ['{"event_id":"1"}', '{"event_id":"2"}']


def test_a_byte_order_mark_is_no_event() -> None:
    assert texts(b'\xef\xbb\xbf{"event_id":"1"}') == ['{"event_id":"1"}']


GOOD = '{"event_id":"1"}'


@pytest.mark.parametrize(
    ("body", "status", "event", "words"),
    [
        ("", 400, None, "no events"),
        (" \n ", 400, None, "no events"),
        ("[]", 400, None, "no events"),
        ("[" + GOOD, 400, 1, "neither a comma"),
        (f"[{GOOD},", 400, None, "no end"),
        (f"[{GOOD},]", 400, 2, "not JSON"),
        (f"[{GOOD} {GOOD}]", 400, 1, "neither a comma"),
        (f"[{GOOD}] {GOOD}", 400, None, "something follows"),
        (f"{GOOD}{GOOD}", 400, 2, "no line feed"),
        (f"{GOOD},\n{GOOD}", 400, 2, "no line feed"),
        (GOOD + '\n{"event_id":', 400, 2, "not JSON"),
        ('{"event_id":"1","a":NaN}', 400, 1, "NaN is no JSON number"),
        ("[" * 2 + '{"a":' * 100_000, 413, None, "at most"),
        ("12", 422, 1, "no JSON object"),
        (f"[{GOOD},[{GOOD}]]", 422, 2, "no JSON object"),
        (GOOD + "\n{}", 422, 2, "no event_id"),
        ('{"event_id":12}', 422, 1, "no event_id"),
        ('{"event_id":1.5}', 422, 1, "no event_id"),
        ('{"event_id":null}', 422, 1, "no event_id"),
        ('{"event_id":"  "}', 422, 1, "no event_id"),
        ('{"event_id":"\\ud800"}', 422, 1, "surrogate"),
        (b"\xff\xfe{", 400, None, "byte 1 is wrong"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_event(body: str | bytes, status: int, event: int | None, words: str) -> None:
    refused = refusal(body)
    assert (refused.status, refused.event) == (status, event)
    assert words in refused.reason


def test_deep_nesting_is_refused() -> None:
    body = '{"event_id":"1","a":' + "[" * 100_000 + "]" * 100_000 + "}"
    refused = refusal(body, most_bytes=1_000_000)
    assert (refused.status, refused.event) == (400, 1)


def test_packed_bodies_are_bounded_and_whole() -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 20_000
    assert refusal(bomb, most_bytes=20_000, content_encoding="gzip").status == 413
    whole = gzip.compress(GOOD.encode())
    assert "cut off" in refusal(whole[:-4], content_encoding="GZIP").reason
    assert "no gzip file" in refusal(b"{}", content_encoding="gzip").reason
    assert "'br' is not known" in refusal(b"{}", content_encoding="br").reason
