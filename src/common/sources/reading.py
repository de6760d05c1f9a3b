"""In which way a feed's files are read, as a short text: two ways that give other records have other texts."""

import codecs
from dataclasses import MISSING, Field, fields
from typing import Any

from common.sources.files.file_format import FileFormat

READER = 1
"""The version of the readers: raise it where the same options begin to give other records."""


def reading_of(layout: FileFormat) -> str:
    """The format and its options that are no defaults, such as `csv, delimiter ';', encoding cp1252`.

    An option that two layouts may differ in and still be equal says nothing of the files, and is left out.
    """
    options = (
        f"{option.name.replace('_', ' ')} {_shown(value)}"
        for option in fields(layout)
        if option.compare and option.name != "format" and (value := _value(layout, option)) != _default(option)
    )
    return ", ".join([layout.format, *options, *([f"reader {READER}"] if READER > 1 else [])])


def _value(layout: FileFormat, option: Field[Any]) -> Any:
    value = getattr(layout, option.name)
    if option.name != "encoding":
        return value
    try:
        return codecs.lookup(value).name  # an encoding has several names
    except LookupError:
        return value


def _default(option: Field[Any]) -> Any:
    return option.default_factory() if option.default_factory is not MISSING else option.default


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return repr(value) if isinstance(value, str) and len(value) == 1 else str(value).lower()
