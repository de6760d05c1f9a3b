r"""A dialect of CSV as an iterator over rows, strictly: Python's own reader, and one for an escape character.

With `escape`, as Spark writes it: within quotes, an escape before a quote or another escape takes the next character
as it is, and stays where anything else follows (`C:\temp`); outside quotes it is a character like any other, but for
one before a quote. Where `quote` is none, it takes the delimiter, a line's end or another escape as they are.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Protocol, Self

from common.sources.files.file_format import NO_QUOTE, FileFormat


class Rows(Protocol):
    """Rows of fields, read from lines; `line_num` is the number of lines that were read so far."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def rows_of(lines: Iterable[str], layout: FileFormat, delimiter: str) -> Rows:
    """The rows of these lines, whose ends they still have. A row that breaks the dialect raises `csv.Error`."""
    if layout.escape and layout.escape != layout.quote:
        return _EscapedRows(lines, layout, delimiter)
    if layout.quote == NO_QUOTE:
        return csv.reader(lines, delimiter=delimiter, quotechar=None, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, quotechar=layout.quote, strict=True)


class _EscapedRows:
    def __init__(self, lines: Iterable[str], layout: FileFormat, delimiter: str) -> None:
        assert layout.escape is not None
        self.line_num = 0
        self._lines = iter(lines)
        self._quote = None if layout.quote == NO_QUOTE else layout.quote
        end, escape = re.escape(delimiter), re.escape(layout.escape)
        self._delimiter = delimiter
        if self._quote is None:
            self._plain = re.compile(rf"(?:[^{end}{escape}\r\n]++|{escape}(?:\r\n|[\s\S])?+)*+")
            self._kept = re.compile(rf"{escape}({end}|{escape}|\r\n|\r|\n)")
        else:
            quote = re.escape(self._quote)
            self._plain = re.compile(rf"[^{end}\r\n]*+")
            self._kept = re.compile(rf"{escape}({quote})")
            self._quoted = re.compile(rf"(?:[^{quote}{escape}]++|{escape}[\s\S]|{quote}{quote})*+")
            self._kept_in_quotes = re.compile(rf"{escape}([{quote}{escape}])|({quote}){quote}")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[str]:
        text, position = self._line(), 0
        row: list[str] = []
        if not text.strip("\r\n"):
            return row
        while True:
            if self._quote and text.startswith(self._quote, position):
                field, text, position = self._quoted_field(text, position + 1)
            else:
                field, text, position = self._plain_field(text, position)
            row.append(field)
            if not text.startswith(self._delimiter, position):
                return row
            position += 1

    def _line(self) -> str:
        line = next(self._lines)
        self.line_num += 1
        return line

    def _plain_field(self, text: str, position: int) -> tuple[str, str, int]:
        parts = []
        while True:
            found = self._plain.match(text, position)
            assert found is not None
            parts.append(found[0])
            position = found.end()
            if self._quote or position < len(text) or not found[0].endswith(("\r", "\n")):
                break
            # The line's end was escaped.
            try:
                text, position = self._line(), 0
            except StopIteration:
                break
        return self._kept.sub(r"\1", "".join(parts)), text, position

    def _quoted_field(self, text: str, position: int) -> tuple[str, str, int]:
        parts = []
        while True:
            found = self._quoted.match(text, position)
            assert found is not None
            parts.append(found[0])
            position = found.end()
            if position < len(text):
                break
            try:
                text, position = self._line(), 0
            except StopIteration:
                raise csv.Error("unexpected end of data") from None
        position += 1
        if position < len(text) and text[position] not in (self._delimiter, "\r", "\n"):
            raise csv.Error(f"{self._delimiter!r} expected after {self._quote!r}")
        return self._kept_in_quotes.sub(r"\1\2", "".join(parts)), text, position
