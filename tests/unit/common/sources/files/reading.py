"""What a parsed file gave, as tests look at it."""

import json
from typing import Any

from common.sources.files.parsing import FileFormat, parse_file

Row = tuple[int, str | None, str | None]


def records(content: bytes | str, format_: str = "csv", **layout: Any) -> list[Row]:
    """Ordinal, payload and error of every record."""
    content = content.encode() if isinstance(content, str) else content
    chunks = parse_file(content, FileFormat(format_, **layout))
    return [row for chunk in chunks for row in zip(*(part.to_pylist() for part in chunk), strict=True)]


def objects(content: bytes | str, format_: str = "csv", **layout: Any) -> list[Any]:
    """The records that could be read, as Python reads their JSON."""
    rows = records(content, format_, **layout)
    return [json.loads(payload or "null") for _, payload, error in rows if error is None]


def refusals(content: bytes | str, **layout: Any) -> list[tuple[str, str]]:
    """Raw text and error of every row that could not be read."""
    rows = records(content, **layout)
    return [(json.loads(payload or "null")[0], error) for _, payload, error in rows if error is not None]
