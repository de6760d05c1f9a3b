"""Rows printed as a table for people, record by record where it is too wide, or as JSON or CSV for programs."""

import base64
import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands.shared import Format

DIGITS = 6
"""Significant digits of a double that people are shown; digits before the point are all shown."""

GAP = 2
"""Blanks between columns."""

NARROWEST = 20
"""Below so many characters a column is no place for text that goes on over several lines."""


@dataclass(frozen=True)
class Rows:
    """Column names and rows of Python values."""

    columns: Sequence[str]
    values: Sequence[Sequence[Any]]

    @classmethod
    def of(cls, items: Iterable[dict[str, Any]]) -> "Rows":
        """Rows of mappings that all have the same keys."""
        listed = list(items)
        columns = list(listed[0]) if listed else []
        return cls(columns, [[item.get(column) for column in columns] for item in listed])


def print_rows(rows: Rows, format_: Format, console: Console) -> None:
    """Prints rows; JSON is a list of objects and nothing else, and has every digit, as CSV has."""
    if format_ is Format.JSON:
        print(as_json(rows))
    elif format_ is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.columns)
        writer.writerows([["" if v is None else as_text(v) for v in row] for row in rows.values])
    elif rows.columns:
        _print_for_people(rows, console)


def as_json(rows: Rows) -> str:
    """A JSON list of objects; a column name that comes again gets a number."""
    names = _unique(rows.columns)
    objects = [json_text(dict(zip(names, row, strict=True))) for row in rows.values]
    return "[" + ",\n ".join(objects) + "]"


def json_text(value: Any) -> str:
    """JSON of a value, with decimals as numbers that keep every digit, times in ISO 8601 and NaN as null."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(as_text(value), ensure_ascii=False)


def as_text(value: Any) -> str:
    """A value in one line of text; timestamps in UTC with a Z, bytes in base64."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return result


def _print_for_people(rows: Rows, console: Console) -> None:
    """A table; where the terminal is too narrow for it, its records one after the other, each column on a line."""
    cells = [["null" if value is None else as_text(_rounded(value)) for value in row] for row in rows.values]
    widths = [max(_width(text) for text in (name, *column)) for name, *column in zip(rows.columns, *cells, strict=True)]
    *others, last = (width + GAP for width in widths)
    left = console.width - sum(others)
    goes_on = left >= NARROWEST and all(isinstance(row[-1], str | None) for row in rows.values)
    if last - GAP <= left or goes_on:
        console.print(_as_table(rows, cells))
    else:
        _print_records(rows, cells, console)


def _as_table(rows: Rows, cells: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for index, name in enumerate(rows.columns):
        numbers = all(isinstance(row[index], int | float | Decimal) or row[index] is None for row in rows.values)
        table.add_column(Text(name), justify="right" if numbers and rows.values else "left", overflow="fold")
    for row, texts in zip(rows.values, cells, strict=True):
        table.add_row(*(_cell(value, text) for value, text in zip(row, texts, strict=True)))
    return table


def _print_records(rows: Rows, cells: Sequence[Sequence[str]], console: Console) -> None:
    """Each value on one line, what is too long for it cut off with an ellipsis."""
    if not cells:
        console.print(Text(", ".join(rows.columns), style="bold"))
    names = min(max(map(cell_len, rows.columns)), console.width - NARROWEST)
    for number, (row, texts) in enumerate(zip(rows.values, cells, strict=True), 1):
        console.print(Text(f"-- {number} ".ljust(console.width, "-"), style="dim"))
        for column, value, text in zip(rows.columns, row, texts, strict=True):
            line = Text(column, style="bold")
            line.truncate(names, overflow="ellipsis", pad=True)
            line = Text.assemble(line, " " * GAP, _cell(value, " ".join(text.splitlines())))
            line.truncate(console.width, overflow="ellipsis")
            console.print(line)


def _cell(value: Any, text: str) -> Text:
    return Text(text, style="dim" if value is None else "")


def _width(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _rounded(value: Any) -> Any:
    """A value whose doubles, those within it as well, have few digits."""
    if isinstance(value, float) and value and math.isfinite(value):
        return round(value, max(DIGITS - 1 - math.floor(math.log10(abs(value))), 0))
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
