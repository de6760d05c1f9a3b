import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.sources.expressions import checked_expression
from common.sources.field_paths import references, with_names
from common.sources.records import parse_payloads

NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["we`ird", "a.b", "a b", "2nd", "order", "bronze", "'", "--", "/*", "\\", "`", "金额", "{{x}}", "_field_0", "a\nb"]
)


def quoted(name: str) -> str:
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


@given(NAMES, NAMES, st.text(max_size=4))
def test_any_text_in_backticks_is_a_field_and_gets_its_value(name: str, other: str, value: str) -> None:
    sql = f"coalesce({quoted(name)}, {quoted(other)}, 'x')"
    expression = checked_expression(sql)

    assert expression.paths == tuple(dict.fromkeys([(name,), (other,)]))
    parsed = parse_payloads([json.dumps({name: value})], expression.fields, known=expression.fields)
    assert parsed.columns[0].to_pylist() == [value]
    assert parsed.unmapped.to_pylist() == [None]
    names = {path: f"_field_{number}" for number, path in enumerate(expression.paths)}
    assert with_names(sql, names) == f"coalesce(_field_0, {names[other,]}, 'x')"


@given(st.lists(NAMES | st.integers(0, 12), max_size=4), NAMES)
def test_any_path_is_found_with_the_whole_of_its_text(steps: list[str | int], first: str) -> None:
    parts = [f"[{step}]" if isinstance(step, int) else f".{quoted(step)}" for step in steps]
    sql = f"trim( {quoted(first)}{''.join(parts)} )"

    assert [reference.path for reference in references(sql)] == [(first, *steps)]
    assert with_names(sql, {(first, *steps): "_field_7"}) == "trim( _field_7 )"


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("coalesce(cust, Cust, CUST)", "coalesce(_0, _1, _2)"),
        ("items [ 0 ] . price || a.b", "_0 || _1"),
        ("CASE WHEN a = 'a' THEN b.c ELSE `b.c` END", "CASE WHEN _0 = 'a' THEN _1 ELSE _2 END"),
        ("regexp_replace(a, '\\\\d+', 'a')", "regexp_replace(_0, '\\\\d+', 'a')"),
        ("a['b c'][1]", "_0"),
        ("trim(BOTH ' ' FROM a)", "trim(BOTH ' ' FROM _0)"),
    ],
)
def test_only_the_fields_of_an_expression_change(sql: str, named: str) -> None:
    paths = [reference.path for reference in references(sql)]

    assert with_names(sql, {path: f"_{number}" for number, path in enumerate(paths)}) == named
