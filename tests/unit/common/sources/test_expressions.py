import pytest

from common.errors import DeclarationError
from common.sources.expressions import checked_expression


@pytest.mark.parametrize(
    ("sql", "kind", "fields"),
    [
        ("AMT", "text", ("AMT",)),
        ("`Card No`", "text", ("Card No",)),
        ("'EUR'", "text", ()),
        ("coalesce(a, b)", "text", ("a", "b")),
        ("CASE WHEN a = 'x' THEN 'y' END", "text", ("a",)),
        ("try_to_timestamp(ts) + INTERVAL 7 DAYS", "time", ("ts",)),
        ("try_divide(try_cast(cents AS DECIMAL(18,2)), 100)", "number", ("cents",)),
        ("try_cast(a AS INT) > 5 AND b IS NOT NULL", "true or false", ("a", "b")),
        ("fraud IN ('1', 'Y')", "true or false", ("fraud",)),
    ],
)
def test_expressions_that_never_fail_are_accepted(sql: str, kind: str, fields: tuple[str, ...]) -> None:
    expression = checked_expression(sql)

    assert expression.kind == kind
    assert sorted(expression.fields) == sorted(fields)


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("CAST(a AS INT)", "try_cast"),
        ("a::int", "try_cast"),
        ("to_timestamp(a)", "try_cast"),
        ("a / b", "try_divide"),
        ("a + 1", "try_add"),
        ("try_divide(a, 100)", "try_cast around the field"),
        ("a > 5", "mixes text and number"),
        ("coalesce(a, 0)", "mixes text and number"),
        ("if(a, 'x', 'y')", "takes true or false"),
        ("raise_error('x')", "not known never to fail"),
        ("a.b", "top-level fields"),
        ("(SELECT 1)", "not"),
        ("SELECT 1", "not an SQL expression"),
        ("a AS b", "not an SQL expression"),
        ("DROP TABLE x", "is not supported in a map"),
        ("a b c(", "not an SQL expression"),
    ],
)
def test_what_a_record_could_make_fail_is_refused_with_the_way_out(sql: str, hint: str) -> None:
    with pytest.raises(DeclarationError, match="(?s)" + hint.replace("(", r"\(")):
        checked_expression(sql)
