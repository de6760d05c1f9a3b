"""Rows of a CSV file as records, and what is said of rows that can't be."""

import json
from collections import Counter

from common.sources.chunks import FileRefused, Record
from common.sources.files.file_format import NO_QUOTE, FileFormat
from common.sources.files.guesses import DELIMITERS, likely_delimiter

A_FEW = 3
"""A file most of whose rows can't be read is refused from so many on; one without any readable row from two on."""

LINES_ABOVE = 50
"""So many lines above a header, none of them declared, are taken for what they are by the rows below them."""

_WAY_OF_ESCAPES = '`escape: "\\\\"` reads quotes that have a backslash before them'

as_json = json.JSONEncoder(ensure_ascii=False).encode


class CsvRecords:
    """The records of one file, numbered as they are added.

    Columns at the end that the header leaves without a name are none, but for rows that hold a value there. `above` is
    the number of lines above the first row.
    """

    def __init__(self, names: list[str], named: int, above: int, layout: FileFormat) -> None:
        self.names = names
        self.records: list[Record] = []
        self._above = above
        self._layout = layout
        self._named = named
        self._bad = 0
        self._first_bad = ""
        self._is_escaped = False
        self._widths: Counter[int] = Counter()
        self._first_line: dict[int, int] = {}
        self._has_more: set[int] = set()
        self._run = (0, 0, 0)

    @property
    def width(self) -> int:
        """The number of fields of a row, those without a name included."""
        return len(self.names)

    @property
    def widths(self) -> set[int]:
        """The numbers of fields that a row may have: with those without a name at the end, and without them."""
        return {self._named, len(self.names)}

    def add(self, line: int, row: list[str]) -> None:
        """Adds a row that begins in that line of the file, or refuses it for its number of fields.

        One field of blanks is a blank line, unless rows have one field.
        """
        fitted = self._fitted(row)
        if fitted is not None:
            self._append(as_json(dict(zip(self.names, fitted, strict=False))), None)
            return
        if len(row) == 1 and not row[0].strip():
            return
        count, number = len(row), len(self.records) + 1
        width, first, last = self._run
        self._run = (count, first if (width, last) == (count, number - 1) else number, number)
        self._widths[count] += 1
        self._first_line.setdefault(count, line)
        if any(row[self._named :]):
            self._has_more.add(count)
        self._refuse(line, row, f"the row has {count} fields, {self._whose} {self.width}")

    def refuse(self, line: int, raw: str, problem: str) -> None:
        """Adds a line of the file that begins no row that could be read."""
        if f"\\{self._layout.quote}" in raw and not self._layout.escape:
            self._is_escaped = True
            problem += f"; {_WAY_OF_ESCAPES}"
        self._refuse(line, [raw], problem)

    def checked(self) -> list[Record]:
        """All records.

        Raises:
            FileRefused: most of them can't be read.
        """
        bad, total = self._bad, len(self.records)
        if (bad >= A_FEW and bad * 2 > total) or (bad == total >= 2) or self._begins_late:
            count, rows = max(self._widths.items(), key=lambda item: item[::-1], default=(0, 0))
            if sum(self._widths.values()) * 2 > bad:
                what = f"{rows} have {count} fields, {self._whose} {self.width}{self._way_for(count)}"
            else:
                what = f"{self._first_bad}{self._way_of_quotes}"
            raise FileRefused(f"{bad} of {total} rows of the CSV file can't be read: {what}")
        return self.records

    @property
    def _begins_late(self) -> bool:
        """Whether what was taken for the header, and for some rows, are lines above the header.

        Then the rows from some early one to the last have at least twice as many fields.
        """
        count, first, last = self._run
        is_whole_rest = last == len(self.records) and last - first >= 1 and first <= LINES_ABOVE
        return is_whole_rest and count >= 3 and count >= self.width * 2

    @property
    def _whose(self) -> str:
        return "the feed's `columns`" if self._layout.columns else "the header"

    def _append(self, payload: str, error: str | None) -> None:
        self.records.append((len(self.records) + 1, payload, error))

    def _refuse(self, line: int, fields: list[str], problem: str) -> None:
        error = f"line {line}: {problem}"
        if self._layout.on_bad_row == "refuse_file":
            raise FileRefused(f"{error}; `on_bad_row: refuse_row` would refuse this row alone")
        self._bad += 1
        self._first_bad = self._first_bad or error
        self._append(as_json(fields), error)

    def _fitted(self, row: list[str]) -> list[str] | None:
        """The row's fields as far as they have names; None where they don't fit."""
        pads = self._layout.ragged == "pad"
        has_more = any(row[self._named :])
        wanted = self.width if has_more else self._named
        if not has_more and len(row) > wanted and (pads or len(row) <= self.width):
            row = row[:wanted]
        elif len(row) < wanted and pads:
            row = row + [""] * (wanted - len(row))
        return row if len(row) == wanted else None

    def _way_for(self, count: int) -> str:
        if likely := likely_delimiter(self.names):
            delimiter, times = likely
            return f"; the header holds {times} {DELIMITERS[delimiter]}: declare `delimiter: {DELIMITERS[delimiter]}`"
        if count == 1:
            return "; look whether `delimiter` is right"
        if self._layout.columns:
            return f"; name {count} in `columns`"
        if count > self.width and count not in self._has_more:
            return "; `ragged: pad` leaves out empty fields at the end"
        line = self._first_line[count]
        ways = [f"if lines stand above the header, declare `skip_rows: {line - 1}`"]
        if count < self.width:
            ways.insert(0, "`ragged: pad` fills fields that are missing at the end")
        elif line == self._above + 1:
            names = f"`skip_rows: {self._above}`, `header: false` and `columns` with {count} names"
            ways.append(f"if the header lacks names, {names}")
        return "; " + "; ".join(ways)

    @property
    def _way_of_quotes(self) -> str:
        if self._layout.quote == NO_QUOTE or _WAY_OF_ESCAPES in self._first_bad:
            return ""
        if self._is_escaped:
            return f"; {_WAY_OF_ESCAPES}"
        return "; if quotes are letters like others in this file, declare `quote: none`"
