"""Values as the text of a CSV file's cells: exact, the same everywhere, and harmless in a spreadsheet."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""What a spreadsheet may take for a formula (OWASP, CSV injection), with the apostrophes that make it a text."""


def cell(value: Any) -> str:
    """A value as text: a null is empty, times are ISO 8601, lists and structs JSON, and no text is a formula.

    Raises:
        TypeError: there is no text for such values.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(_of_json(value), ensure_ascii=False)
    return _scalar(value)


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet could take it for a formula.

    One that has such an apostrophe already gets another: without its first one, each is what it was.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no text in a CSV file")


def _of_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _of_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_of_json(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else _scalar(value)
