"""Rows for programs, JSON and CSV, and for people, as wide as their terminal."""

import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from rich.console import Console

from local.commands.rows import Rows, as_json, print_rows
from local.commands.shared import Format, out

EVENING = datetime(2026, 1, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))


def test_json_keeps_types_and_every_digit() -> None:
    rows = Rows(
        ["i", "d", "f", "nan", "t", "day", "b", "none", "text", "list", "map", "bytes"],
        [
            (
                1,
                Decimal("12345678901234567.50"),
                0.1,
                float("nan"),
                EVENING,
                date(2026, 1, 2),
                True,
                None,
                'a "b"\né',
                [Decimal("1.10"), None],
                {"k": EVENING},
                b"\x00",
            )
        ],
    )
    text = as_json(rows)
    assert '"d": 12345678901234567.50' in text
    (row,) = json.loads(text)
    assert row["t"] == "2026-01-01T23:30:00Z"
    assert row["map"] == {"k": "2026-01-01T23:30:00Z"}
    assert (row["day"], row["b"], row["none"], row["nan"]) == ("2026-01-02", True, None, None)
    assert (row["text"], row["list"], row["bytes"]) == ('a "b"\né', [1.1, None], "AA==")


def test_json_of_no_rows_is_an_empty_list() -> None:
    assert json.loads(as_json(Rows(["a"], []))) == []


def test_columns_of_one_name_are_all_kept() -> None:
    assert json.loads(as_json(Rows(["a", "a"], [(1, 2)]))) == [{"a": 1, "a_2": 2}]


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(Rows(["a", "b"], [("x,y", None), (Decimal("1.50"), datetime(2026, 1, 1, tzinfo=UTC))]), Format.CSV, out)
    assert capsys.readouterr().out == 'a,b\n"x,y",\n1.50,2026-01-01T00:00:00Z\n'


def for_people(rows: Rows, width: int = 40) -> list[str]:
    text = io.StringIO()
    print_rows(rows, Format.TABLE, Console(file=text, width=width))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_a_table_that_fits_shows_doubles_with_six_digits(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Rows(
        ["day", "rate", "sum", "exact"],
        [
            (date(2026, 1, 2), 0.0012733446519524619, 7148.595512345, Decimal("1.2345678")),
            (None, 1.23456789e-7, 12345678.91, Decimal("0.1")),
            (None, float("nan"), 0.0, None),
        ],
    )
    assert for_people(rows, 46) == [
        "day                rate         sum      exact",
        "2026-01-02   0.00127334      7148.6  1.2345678",
        "null        1.23457e-07  12345679.0        0.1",
        "null                nan         0.0       null",
    ]
    print_rows(rows, Format.CSV, out)
    assert "0.0012733446519524619,7148.595512345," in capsys.readouterr().out
    assert "0.0012733446519524619" in as_json(rows)


def test_a_table_too_wide_is_shown_record_by_record_and_each_value_on_one_line() -> None:
    struct = {"score": 0.123456789, "reasons": [{"feature": "amount", "share": 1 / 3}]}
    shown = for_people(Rows(["id", "[amount]", "why", "text"], [(1, 9.5, struct, "a\nb"), (2, None, None, "x" * 60)]))
    assert shown == [
        "-- 1 -----------------------------------",
        "id        1",
        "[amount]  9.5",
        'why       {"score": 0.123457, "reasons"…',
        "text      a b",
        "-- 2 -----------------------------------",
        "id        2",
        "[amount]  null",
        "why       null",
        f"text      {'x' * 29}…",
    ]


def test_no_heading_of_a_table_without_rows_is_broken() -> None:
    columns = ["event_date", "transactions", "frauds", "blocked"]
    assert for_people(Rows(columns, [])) == ["event_date, transactions, frauds,", "blocked"]


def test_text_at_the_end_of_a_table_goes_on_below_itself() -> None:
    rows = Rows(["table", "what it has"], [("gold.scores", "one row for each transaction")])
    assert for_people(rows) == [
        "table        what it has",
        "gold.scores  one row for each",
        "             transaction",
    ]
