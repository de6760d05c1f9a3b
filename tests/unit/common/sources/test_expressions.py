import re

import pytest
import yaml

from common.errors import DeclarationError
from common.sources.expressions import checked_expression


@pytest.mark.parametrize(
    ("sql", "kind", "fields"),
    [
        ("AMT", "text", ("AMT",)),
        ("`Card No`", "text", ("Card No",)),
        ("`a.b`", "text", ("a.b",)),
        ("payer.id", "text", ("payer",)),
        ("coalesce(items[0].price, items[1].price)", "text", ("items",)),
        ("'EUR'", "text", ()),
        ("coalesce(a, b)", "text", ("a", "b")),
        ("CASE WHEN a = 'x' THEN 'y' END", "text", ("a",)),
        ("try_to_timestamp(ts) + INTERVAL 7 DAYS", "time", ("ts",)),
        ("try_divide(try_cast(cents AS DECIMAL(18,2)), 100)", "number", ("cents",)),
        ("try_cast(a AS INT) > 5 AND b IS NOT NULL", "true or false", ("a", "b")),
        ("fraud IN ('1', 'Y')", "true or false", ("fraud",)),
        ("a RLIKE '^[A-Z]{2}\\\\d+$'", "true or false", ("a",)),
        ("a LIKE '100\\\\%%'", "true or false", ("a",)),
        ("(a LIKE 'x%') IS NOT TRUE", "true or false", ("a",)),
        ("regexp_replace(a, '(\\\\d+),(\\\\d+)', '$1.$2')", "text", ("a",)),
        ("regexp_extract(a, '^(\\\\w+)-')", "text", ("a",)),
        ("regexp_extract(a, 'x', 0)", "text", ("a",)),
        ("right(a, length(b))", "text", ("a", "b")),
        ("substring(a, -4)", "text", ("a",)),
        ("left(lpad(sha2(a, 256), 70, '0'), try_cast(b AS INT))", "text", ("a", "b")),
        ("try_to_timestamp(a, 'dd/MM/yyyy HH:mm')", "time", ("a",)),
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
        ("tirm(a)", "did you mean trim?"),
        ("a IN b", "values in brackets"),
        ("items[-1]", "a position from 0, such as items[0]"),
        ("items[a]", "a position from 0"),
        ("a = false", "such as try_cast(x AS BOOLEAN), or quotes around true or false"),
        ("sha2(a, 111)", "has '111' as its length; it must be 224, 256, 384 or 512"),
        ("trim(a)[0]", "looks into something that is no field of the record"),
        ("trim(`a b)", "a ` is not closed"),
        ("trim('a)", "a ' is not closed"),
        ("(SELECT 1)", "not"),
        ("SELECT 1", "not an SQL expression"),
        ("a AS b", "not an SQL expression"),
        ("DROP TABLE x", "is not supported in a map"),
        ("a b c(", "not an SQL expression"),
        ("a IN (SELECT raise_error(b))", "is not supported in a map"),
        ("a IS TRUE", "mixes text and true or false"),
        ("try_to_timestamp(a) + INTERVAL b DAYS", "is not supported in a map"),
        ("a RLIKE b", "takes its pattern from 'b'"),
        ("regexp_like(a, concat('(', b))", "write it as one text in quotes"),
        ("regexp_replace(a, b, '')", "takes its pattern from 'b'"),
        ("regexp_replace(a, 'x', b)", "takes its replacement from 'b'"),
        ("regexp_replace(a, '(x)', '$2')", "$2 names none of the pattern's 1 groups"),
        ("regexp_replace(a, 'x', 'y', 0)", "has '0' as its position"),
        ("regexp_extract(a, '(x)', 5)", "has '5' as its group; it must be written as a whole number from 0 to 1"),
        ("regexp_extract(a, 'x')", "has '1' as its group"),
        ("regexp_extract(a, '(x)', try_cast(b AS INT))", "as its group"),
        ("CASE WHEN a = 'x' THEN b RLIKE '(' END", "unterminated subpattern"),
        ("a LIKE b", "takes its pattern from 'b'"),
        ("a ILIKE 'x' || b", "takes its pattern from"),
        ("a LIKE 'x\\\\'", "must stand before %, _"),
        ("substring(a, b, 2)", "counts by 'b'"),
        ("left(a, try_cast(b AS DOUBLE))", "whole number, or try_cast(... AS INT)"),
        ("right(a, 99999999999)", "counts by '99999999999'"),
        ("lpad(a, b, '0')", "has 'b' as its length"),
        ("rpad(a, 2000000000, '0')", "whole number from 0 to 10,000"),
        ("sha2(a, b)", "has 'b' as its length"),
        ("try_to_timestamp(a, b)", "takes its format from 'b'"),
        ("try_to_date(a, 'YYYY-MM-dd')", "YYYY is no part of a time"),
        ("try_to_timestamp(a, 'yyyy[-MM]')", "coalesce(...) tries several formats"),
    ],
)
def test_what_a_record_could_make_fail_is_refused_with_the_way_out(sql: str, hint: str) -> None:
    with pytest.raises(DeclarationError, match="(?s)" + re.escape(hint)):
        checked_expression(sql)


@pytest.mark.parametrize(
    "name",
    [
        *("Transaktions-Nr", "Betrag (€)", "Kunden Nr", "Kunden Nr.", "a:b", "$amount", "C#", "@id", "VWZ/Info", "50%"),
        *(
            "from",
            "if",
            "select",
            "current_date",
            "a,b",
            "a?",
            "[id]",
            "a;b",
            "Amount ($)",
            "for",
            "a & b",
            "a\\b c",
            "Nr. / Typ",
        ),
    ],
)
def test_a_name_that_sql_does_not_take_is_answered_with_the_spelling_that_works(name: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        checked_expression(name)

    assert str(caught.value).startswith(
        f'{name!r} is no name that SQL takes as it is; a field of that name is written "`'
    )
    assert "class" not in str(caught.value)
    spelling = str(caught.value).split("is written ")[1].split(". Else")[0]
    assert checked_expression(yaml.safe_load(spelling)).paths == ((name,),)


@pytest.mark.parametrize(
    "name",
    ["order", "date", "timestamp", "user", "local", "2nd", "金额", "Währung", "type", "interval", "bronze", "raw"],
)
def test_names_that_sql_takes_need_no_quotes(name: str) -> None:
    assert checked_expression(name).paths == ((name,),)
    assert checked_expression(f"coalesce({name}, 'x')").paths == ((name,),)


@pytest.mark.parametrize(
    "name",
    ["Date and Time", "Is Fraud?", "case", "Between", "like", "it's", "2025-01-31", "Type (CR or DR)", "a\u00a0b"],
)
def test_a_name_with_words_of_sql_in_it_is_told_how_it_is_written(name: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        checked_expression(name)

    written = str(caught.value).split("a field of that name is written ")[1]
    assert checked_expression(yaml.safe_load(written)).fields == (name,)


@pytest.mark.parametrize("sql", ["cast(a AS INT)", "CASE WHEN a THEN 1 END", "lower(a", "a::int", "a * 2"])
def test_what_is_no_name_is_not_taken_for_one(sql: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        checked_expression(sql)

    assert "a field of that name" not in str(caught.value)
