"""Rows printed as a table for people, or as JSON or CSV for programs."""

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

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands.shared import Format


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
    """Prints rows; JSON is a list of objects and nothing else."""
    if format_ is Format.JSON:
        print(as_json(rows))
    elif format_ is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.columns)
        writer.writerows([["" if v is None else as_text(v) for v in row] for row in rows.values])
    elif rows.columns:
        console.print(_as_table(rows))


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


def _as_table(rows: Rows) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(rows.columns):
        numbers = all(isinstance(row[index], int | float | Decimal) or row[index] is None for row in rows.values)
        table.add_column(name, justify="right" if numbers and rows.values else "left", overflow="fold")
    for row in rows.values:
        table.add_row(*(Text("null", style="dim") if value is None else Text(as_text(value)) for value in row))
    return table
