import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.sources.records import fields_of, parse_payloads, record_decoder


def test_numbers_keep_their_digits() -> None:
    payload = '{"a": 12.50, "b": 1234567890123456789012345678901234567890, "c": 1e400, "d": -0, "e": NaN}'

    assert fields_of(payload, record_decoder()) == {
        "a": "12.50",
        "b": "1234567890123456789012345678901234567890",
        "c": "1e400",
        "d": "-0",
        "e": "NaN",
    }


def test_other_values_become_text_and_null_stays_null() -> None:
    payload = '{"t": true, "f": false, "n": null, "s": " x ", "o": {"k": [1]}}'

    assert fields_of(payload, record_decoder()) == {
        "t": "true",
        "f": "false",
        "n": None,
        "s": " x ",
        "o": '{"k": ["1"]}',
    }


@pytest.mark.parametrize("payload", ["", "{", "[1]", '"text"', "12", "{'a': 1}", "[" * 100_000])
def test_what_is_no_object_is_an_error_and_not_a_crash(payload: str) -> None:
    parsed = parse_payloads([payload, '{"a": "1"}'], ["a"], known=["a"])

    assert parsed.errors.to_pylist()[0]
    assert parsed.columns[0].to_pylist() == [None, "1"]
    assert parsed.errors.to_pylist()[1] is None


def test_fields_that_no_map_knows_are_named() -> None:
    payloads = ['{"a": "1", "b": 2, "c": 3}', '{"a": "1"}', None, '{"b": 1}']

    parsed = parse_payloads(payloads, ["a"], known=["a", "c"])

    assert parsed.unmapped.to_pylist() == [["b"], None, None, ["b"]]


def test_values_within_nested_ones_are_read_by_their_path() -> None:
    payloads = [
        '{"a": {"id": 12.50, "ok": true, "n": null}, "l": [{"p": 1e3}, "x"], "a.id": "dotted"}',
        '{"a": "text", "l": {"0": 1}}',
        '{"a": {"id": {"deep": [1.0]}}, "l": []}',
        '{"a.id": "flat"}',
        '{"a": ',
        None,
    ]
    paths = [("a", "id"), ("a", "ok"), ("a", "n"), ("l", 0, "p"), ("l", 1), ("a", "id", "deep", 0)]

    parsed = parse_payloads(payloads, [*paths, "a.id"], known=["a", "l", "a.id"])

    found = [column.to_pylist() for column in parsed.columns]
    assert found[0] == ["12.50", None, '{"deep": ["1.0"]}', None, None, None]
    assert [column[0] for column in found[1:]] == ["true", None, "1e3", "x", None, "dotted"]
    assert [column[1] for column in found] == [None] * 7
    assert found[5][2] == "1.0"
    assert found[6][3] == "flat"
    assert parsed.unmapped.to_pylist() == [None] * 6
    assert [error is not None for error in parsed.errors.to_pylist()] == [False, False, False, False, True, False]


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=5))
def test_text_fields_come_back_as_they_are(record: dict[str, str]) -> None:
    assert fields_of(json.dumps(record), record_decoder()) == record


KEYS = st.sampled_from(["a", "b", "a:", ":"])
VALUES = st.sampled_from(
    ["1.50", "-0", '"x"', '":"', '"a:b"', '""', "null", "true", "NaN", '{"a":1}', "[]", r'"\""', "01"]
)


@given(st.lists(st.tuples(KEYS, st.sampled_from(["", " "]), VALUES), max_size=4), st.sampled_from(["", " ", "x"]))
def test_the_quick_way_through_flat_records_reads_as_the_careful_one(
    fields: list[tuple[str, str, str]], end: str
) -> None:
    payload = "{" + ",".join(f'"{key}"{space}:{value}' for key, space, value in fields) + "}" + end
    try:
        careful, error = fields_of(payload, record_decoder()), None
    except ValueError as problem:
        careful, error = {}, str(problem)

    parsed = parse_payloads([payload], ["a", "b", "a:", ":"], known=["a", "b", "a:", ":"])

    assert parsed.errors.to_pylist() == [error]
    assert [column[0].as_py() for column in parsed.columns] == [careful.get(key) for key in ("a", "b", "a:", ":")]
