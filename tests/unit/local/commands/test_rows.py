"""Rows for programs: JSON and CSV."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

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
