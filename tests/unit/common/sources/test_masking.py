"""Payloads as people see them: values that may identify somebody are masked."""

import json

from hypothesis import given
from hypothesis import strategies as st

from common.settings import repository
from common.sources.declaration import load_source
from common.sources.masking import masked_payload, visible_fields

CUSTOMERS = visible_fields(load_source(repository() / "sources", "simulated").feeds["customers"])


def test_fields_are_visible_that_a_map_reads_for_no_personal_column() -> None:
    assert {"customer_id", "city", "country", "changed_at"} == CUSTOMERS


def test_a_field_that_a_map_reads_in_part_stays_hidden() -> None:
    feed = load_source(repository() / "sources", "simulated").feeds["transactions"]
    mapping = feed.into["transactions"]
    nested = mapping.model_copy(update={"map": mapping.map | {"customer_id": "payer.id", "country": "place[0]"}})

    visible = visible_fields(feed.model_copy(update={"into": {"transactions": nested}}))

    assert visible == visible_fields(feed) - {"customer", "country"}
    assert "payer" in nested.fields


def test_a_payload_keeps_its_shape_and_what_is_not_personal() -> None:
    record = {"customer_id": "C1", "name": "Ana-Élise 2nd", "birth_date": "1980-12-31", "phone": None, "nick": "Annie"}

    shown = json.loads(str(masked_payload(json.dumps(record), CUSTOMERS)))

    masked = {"name": "xxx-xxxxx 9xx", "birth_date": "9999-99-99", "phone": None, "nick": "xxxxx"}
    assert shown == {"customer_id": "C1"} | masked


def test_what_is_no_record_is_masked_as_a_whole() -> None:
    assert masked_payload('{"name": "Ann', CUSTOMERS) == '{"xxxx": "xxx'
    assert masked_payload('["C1", "Ann"]', CUSTOMERS) == '["x9", "xxx"]'
    assert masked_payload(None, CUSTOMERS) is None


def test_names_that_do_not_look_like_names_are_masked_too() -> None:
    headless = {
        "Anna Berg": "Olga Dahl",
        "Olof Dahl": "x",
        "anna@berg.example": None,
        "1980-12-31": "1",
        "nick": "Annie",
    }

    shown = masked_payload(json.dumps(headless), CUSTOMERS)

    assert shown == (
        '{"xxxx xxxx": "xxxx xxxx", "xxxx xxxx": "x", "xxxx@xxxx.xxxxxxx": null, "9999-99-99": "9", "nick": "xxxxx"}'
    )


def test_a_name_that_a_map_reads_is_shown_as_it_is() -> None:
    assert masked_payload('{"Card No": "17"}', frozenset({"Card No"})) == '{"Card No": "17"}'


@given(st.text(alphabet="xÄ3 ,.\\\"{}[]'", max_size=40))
def test_no_text_in_a_hidden_field_comes_through(text: str) -> None:
    shown = str(masked_payload(json.dumps({"name": text, "city": "Oslo"}), CUSTOMERS))

    assert "Ä" not in shown
    assert "3" not in shown
    assert "Oslo" in shown
