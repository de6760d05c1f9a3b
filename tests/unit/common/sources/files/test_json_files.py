import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import objects, records

from common.sources.files.parsing import FileRefused

PRETTY = '{\n  "a": 1.50,\n  "b": "}{"\n}\n{\n  "a": 2\n}\n'
WRAPPED = '{"count": 2, "data": {"items": [{"a": 1.50}, {"a": [1]}], "next": null}}'


def test_objects_over_several_lines_keep_their_text() -> None:
    assert records(PRETTY, "json") == [
        (1, '{\n  "a": 1.50,\n  "b": "}{"\n}', None),
        (2, '{\n  "a": 2\n}', None),
    ]


@pytest.mark.parametrize(
    "content", ['{"a":1}{"a":2}', '{"a":1}\n{"a":2}\n', '[{"a":1},\n{"a":2}]', '\ufeff[{"a":1}] {"a":2}']
)
def test_objects_one_after_the_other_or_in_an_array_are_records(content: str) -> None:
    assert records(content, "json") == [(1, '{"a":1}', None), (2, '{"a":2}', None)]


def test_the_array_within_an_object_is_found_by_its_path() -> None:
    assert records(WRAPPED + "\n" + WRAPPED, "json", records="data.items") == [
        (1, '{"a": 1.50}', None),
        (2, '{"a": [1]}', None),
        (3, '{"a": 1.50}', None),
        (4, '{"a": [1]}', None),
    ]


@pytest.mark.parametrize("content", ["[]", " [ ] ", '{"data": {"items": []}}'])
def test_an_empty_array_is_no_record(content: str) -> None:
    assert records(content, "json", records="data.items" if "data" in content else None) == []


@pytest.mark.parametrize(
    ("content", "format_", "path", "reason"),
    [
        ("  ", "json", None, "holds no record"),
        ('{"a": 1}\n{"a": ', "json", None, "value 2 of the file is not JSON"),
        ('{"a": 1} x', "json", None, "value 2 of the file is no JSON object; one is expected"),
        ('[{"a": 1}', "json", None, r"no comma or \] after element 1"),
        ("[1]", "json", "data", "value 1 of the file holds a number .*; `records` looks into objects"),
        (WRAPPED, "json", "data.rows", "nothing at `data.rows` .* array of objects at `records: data.items`"),
        (WRAPPED, "json", "count.items", "nothing at `count.items`"),
        (WRAPPED, "json", "data", "value 1 of the file holds an object at `records: data`, where an array"),
        (
            WRAPPED + '{"error": "limit"}',
            "json",
            "data.items",
            "value 2 .* nothing at `data` of `records: data.items`$",
        ),
        ('{"d": null}', "json", "d", "value 1 of the file holds null at `records: d`"),
        ('{"d": [], "d": []}', "json", "d", "the key 'd' of `records` is there twice"),
        (WRAPPED, "json_array", None, r"begin with \[.*; `format: json` with `records: data.items` reads"),
        (PRETTY, "json_array", None, r"begin with \[.*; `format: json` reads the file"),
        ('[{"a":1}]\n[{"a":2}]', "json_array", None, "more text behind .*; `format: json` reads the file"),
        ("a,b\n1,2\n", "json_array", None, r"as a JSON array does$"),
        ('{"a": 1},\n{"a": 2},\n', "json_lines", None, "not one a line; `format: json` reads the file"),
        (PRETTY, "json_lines", None, "not one a line; `format: json` reads the file"),
        ('[{"a":1},\n{"a":2},\n{"a":3}]', "json_lines", None, "not one a line; `format: json_array` reads the array"),
        ('[{"a":1},{"a":2}]', "json_lines", None, r"begins with \{.*; `format: json_array` reads the array"),
        (json.dumps(json.loads(WRAPPED), indent=1), "json_lines", None, "`records: data.items` reads the array within"),
    ],
)
def test_what_is_no_such_json_is_refused_with_what_reads_it(
    content: str, format_: str, path: str | None, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        records(content, format_, records=path)


@pytest.mark.parametrize("first", ['{"a": 1', '{"a": 1}{"b": 2}', "[1,"])
def test_one_bad_line_at_the_beginning_refuses_no_file_of_lines(first: str) -> None:
    rows = records(f'{first}\n{{"a": 2}}\n{{"a": 3}}\n', "json_lines")

    assert [ordinal for ordinal, _, _ in rows] == [1, 2, 3]


@pytest.mark.parametrize("depth", [1_000, 50_000])
def test_an_object_nested_too_deeply_is_a_record_of_its_own(depth: int) -> None:
    deep = '{"b": ' + "[" * depth + "]" * depth + "}"

    assert [payload for _, payload, _ in records(f'{{"a": 1}}{deep}{{"a": 3}}', "json")] == [
        '{"a": 1}',
        deep,
        '{"a": 3}',
    ]
    with pytest.raises(FileRefused, match=r"too deeply|nothing at `a`"):
        records(deep, "json", records="a")


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), documents, max_size=3), min_size=1, max_size=5), st.integers(0, 2))
def test_every_way_of_writing_objects_is_read_as_json_reads_it(rows: list[Any], indent: int) -> None:
    written = [json.dumps(row, indent=indent or None) for row in rows]

    assert objects("\n".join(written), "json") == rows
    assert objects("".join(written), "json") == rows
    assert objects(json.dumps(rows, indent=indent), "json") == rows
    assert objects(json.dumps({"x": [rows], "y": {"z": rows}}), "json", records="y.z") == rows


@pytest.mark.parametrize(
    "content", [f"[{WRAPPED}, {WRAPPED}]", f"{WRAPPED},\n{WRAPPED},\n", f"{WRAPPED}\ufeff{WRAPPED}"]
)
def test_pages_may_stand_in_an_array_or_after_commas_or_marks(content: str) -> None:
    assert objects(content, "json", records="data.items") == [{"a": 1.5}, {"a": [1]}] * 2


@pytest.mark.parametrize("format_", ["json", "json_lines"])
def test_files_with_marks_that_were_put_one_after_the_other_are_read(format_: str) -> None:
    assert records('\ufeff{"a":1}\n\ufeff{"a":2}\n', format_) == [(1, '{"a":1}', None), (2, '{"a":2}', None)]


def test_of_several_arrays_the_one_with_the_mapped_fields_is_named() -> None:
    page = '{"accounts": [{"id": 1}], "data": {"payments": [{"id": 1, "amount": 2}]}}'

    with pytest.raises(FileRefused, match=r"`records: data\.payments`"):
        records(page, "json_array", mapped=("id", "amount"))
    with pytest.raises(FileRefused, match="`records: accounts`"):
        records(page, "json_array")


@pytest.mark.parametrize(
    "bad", ['{"a": 2,}', "{'a': 2}", '{"a": tru}', '{"a" 2, "b": [1, {"c": "]"}]}', '{"a": "\x01"}']
)
@pytest.mark.parametrize(
    ("before", "between", "behind", "format_"), [("[", ",\n", "]", "json_array"), ("", "\n", "", "json")]
)
def test_a_record_that_is_not_json_costs_itself_alone(
    bad: str, before: str, between: str, behind: str, format_: str
) -> None:
    parts = ['{"a": 1}', bad, '{"a": 3}']

    assert [payload for _, payload, _ in records(before + between.join(parts) + behind, format_)] == parts
    with pytest.raises(FileRefused, match=r"3 of 4 records of the file are not JSON: .* is not JSON"):
        records(before + between.join([bad, bad, parts[0], bad]) + behind, format_)
    with pytest.raises(FileRefused, match="1 of 1 records"):
        records(before + bad + behind, format_)


@pytest.mark.parametrize(
    "bad", ['{"a": "x}', '{"a": "x}, {"b": "y"}', '{"a": [1}', '{"a": 1]', '{"a": "{", }', '{"a": 1} 5', '"a', "tru"]
)
def test_a_record_whose_end_is_doubtful_refuses_its_file(bad: str) -> None:
    with pytest.raises(FileRefused):
        records(f'[{{"a": 1}}, {bad}, {{"a": 3}}]', "json_array")


def test_brackets_in_a_record_that_is_not_json_take_no_long_time() -> None:
    content = "[" + ",".join(['{"a": 1}', "{a" + "[" * 100_000 + "]" * 100_000 + "}", '{"a": 3}']) + "]"

    assert len(records(content, "json_array")) == 3


def test_a_first_line_that_is_nested_too_deeply_is_one_record() -> None:
    deep = '{"a":' + "[" * 5000 + "]" * 5000 + "}"

    assert [payload for _, payload, _ in records(f'{deep}\n{{"a":1}}\n', "json_lines")] == [deep, '{"a":1}']


def test_work_is_bounded_where_very_many_records_are_not_json() -> None:
    with pytest.raises(FileRefused, match="more than 1,000 records of the file are not JSON: element 2 "):
        records("[" + '{"a":1},{"a":1,},{"a":1},' * 1100 + "1]", "json_array")
