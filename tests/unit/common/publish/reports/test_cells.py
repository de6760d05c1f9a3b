"""The text of cells: exact, read back as it was by the csv module, and nothing that a spreadsheet would compute."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.errors import OutputError
from common.publish.reports.cells import cell, harmless
from common.publish.reports.csv_text import csv_text

BEGINS_A_FORMULA = "=+-@\t\r\n＝＋－＠"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TRICKY = st.text(st.sampled_from([*BEGINS_A_FORMULA, "'", '"', ",", ";", "|", "a", " ", "1", "ü"]), max_size=8)


def as_it_was(text: str) -> str:
    """What a reader does that wants the text and no spreadsheet."""
    return text[1:] if text.lstrip("'")[:1] in tuple(BEGINS_A_FORMULA) and text.startswith("'") else text


@given(st.one_of(TEXT, TRICKY))
@example('=HYPERLINK("http://x","y")')
@example("'=1")
def test_no_text_begins_a_formula_and_each_can_be_told(text: str) -> None:
    shown = harmless(text)
    assert shown[:1] not in tuple(BEGINS_A_FORMULA)
    assert as_it_was(shown) == text


@given(st.lists(st.tuples(st.one_of(TEXT, TRICKY), st.one_of(TEXT, TRICKY)), max_size=5), st.sampled_from(",;\t|"))
def test_the_csv_module_reads_what_was_written(rows: list[tuple[str, str]], delimiter: str) -> None:
    table = pa.table({"a": pa.array([a for a, _ in rows], pa.string()), "b": pa.array([b for _, b in rows])})
    text = csv_text(table, {"b": "=B", "a": "A, say"}, delimiter, "utf-8")  # type: ignore[arg-type]
    header, *read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    assert header == ["'=B", "A, say"]
    assert [(as_it_was(a), as_it_was(b)) for b, a in read] == rows


def test_lines_end_as_rfc_4180_says_and_bytes_begin_as_declared() -> None:
    table = pa.table({"n": [1], "t": ['he said "no"\nand left']})
    headings = {"n": "n", "t": "t"}
    assert csv_text(table, headings, ",", "utf-8") == 'n,t\r\n1,"he said ""no""\nand left"\r\n'
    assert csv_text(table, headings, ";", "utf-8-sig").encode() == (
        b'\xef\xbb\xbfn;t\r\n1;"he said ""no""\nand left"\r\n'
    )


def test_values_are_exact_and_numbers_stay_numbers() -> None:
    assert cell(-5) == "-5"
    assert cell(Decimal("-1234567890123456.70")) == "-1234567890123456.70"
    assert cell(Decimal("1E-7")) == "0.0000001"
    assert cell(-0.1) == "-0.1"
    assert cell(float("-inf")) == "-Infinity"
    assert cell(True) == "true"
    assert cell(None) == ""
    assert cell(date(2025, 3, 1)) == "2025-03-01"
    assert cell(datetime(2025, 3, 1, 9, 5, tzinfo=UTC)) == "2025-03-01T09:05:00Z"
    assert cell(datetime(2025, 3, 1, 9, 5, 1, 20, tzinfo=timezone(timedelta(hours=2)))) == "2025-03-01T07:05:01.000020Z"
    assert cell(datetime(2025, 3, 1, 9, 5)) == "2025-03-01T09:05:00"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_number(value: float) -> None:
    assert float(cell(value)) == value


def test_lists_and_structs_are_json() -> None:
    value = [{"name": "Zoë", "amount": Decimal("1.50"), "at": datetime(2025, 1, 1, tzinfo=UTC), "of": [1, None, 0.5]}]
    assert json.loads(cell(value)) == [
        {"name": "Zoë", "amount": "1.50", "at": "2025-01-01T00:00:00Z", "of": [1, None, 0.5]}
    ]
    assert cell(["=1"]) == '["=1"]'


def test_bytes_have_no_text() -> None:
    with pytest.raises(OutputError, match="the column 'b': bytes has no text"):
        csv_text(pa.table({"b": [b"x"]}), {"b": "b"}, ",", "utf-8")
