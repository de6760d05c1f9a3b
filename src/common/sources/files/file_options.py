"""What a feed of files may declare: the options of its format, and of CSV those that agree with each other."""

import re
from collections.abc import Mapping
from typing import Any

from common.sources.files.file_format import NO_QUOTE

_OF_CSV = ("delimiter", "quote", "escape", "header", "columns", "skip_rows", "skip_footer", "ragged", "on_bad_row")
_FORMATS = {
    **dict.fromkeys(_OF_CSV, ("csv",)),
    "records": ("json",),
    "payload_column": ("parquet",),
    "encoding": ("csv", "json_lines", "json_array", "json"),
}

OPTIONS = tuple(_FORMATS)
"""The options that only some formats have."""

_WAYS = {"quote": ", or none where nothing is quoted", "delimiter": r'; a tab is written "\t", in double quotes'}


def check_option(name: str, value: Any, others: Mapping[str, Any], *, is_default: bool) -> None:
    """Checks the value of an option; `others` are the fields of the feed before it, as far as they are valid.

    Raises:
        ValueError: files of the feed's format have no such option, the value breaks a rule, or contradicts another
            option; the message says what to change.
    """
    formats = _FORMATS[name]
    if not is_default and (declared := others.get("format", formats[0])) not in formats:
        raise ValueError(f"an option of `format: {' or '.join(formats)}`, not of `format: {declared}`; leave it out")
    if name in ("delimiter", "quote", "escape") and value is not None:
        _check_character(name, value, others)
    elif name == "columns":
        _check_columns(value, others)
    elif name == "records" and value is not None and (not all(value.split(".")) or re.search(r"^\$|\[.*\]$", value)):
        raise ValueError("it must be names with a dot between them, such as data.items")


def _check_character(name: str, value: str, others: Mapping[str, Any]) -> None:
    if name == "quote" and value == NO_QUOTE:
        return
    if len(value) != 1:
        raise ValueError(f"it must be one character{_WAYS.get(name, '')}")
    if value in "\r\n":
        raise ValueError("it ends a line; it must be another character")
    if name != "delimiter" and value == (others.get("delimiter") or ","):
        raise ValueError(f"{value!r} is the delimiter too; one of the two must be another character")


def _check_columns(columns: tuple[str, ...], others: Mapping[str, Any]) -> None:
    if others.get("header", True) and columns:
        raise ValueError("they name the fields of files without a header; add `header: false`, or leave them out")
    if not others.get("header", True) and not columns:
        raise ValueError("without a header the fields have no names; add `columns: [first, second, ...]`")
    if blank := [name for name in columns if name != name.strip()]:
        raise ValueError(f"{blank[0]!r} has blanks around it; write {blank[0].strip()!r}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} is there twice; every column needs a name of its own")
