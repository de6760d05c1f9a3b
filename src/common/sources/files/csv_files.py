"""CSV files: rows become JSON objects by the file's own header, or by the columns that the feed declares.

A clean file is read by Python's reader at once. Where a row breaks the dialect, or a quote swallowed lines, the rows
are told apart one by one (`csv_careful`).
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from common.sources.chunks import Chunk, FileRefused, Record, chunks
from common.sources.files.csv_careful import careful_rows, plain_reason, swallowed
from common.sources.files.csv_header import Start, names_of, start_of
from common.sources.files.csv_records import CsvRecords, as_json
from common.sources.files.csv_rows import Rows, rows_of
from common.sources.files.decoding import refuse_other_kinds, text_of
from common.sources.files.file_format import FileFormat
from common.sources.files.guesses import DELIMITERS, delimiter_of_quoted
from common.sources.files.json_files import way_to_read

_MAX_FIELD_CHARACTERS = 64 * 1024 * 1024


def csv_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The rows of a CSV file; one that can't be read is refused alone, with its line.

    Raises:
        FileRefused: the file has no header, or most of its rows can't be read; with `on_bad_row: refuse_file`, one.
    """
    refuse_other_kinds(content, layout, "CSV")
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_FIELD_CHARACTERS))
    text = text_of(content, layout.encoding)
    if text.lstrip()[:1] in ("{", "[") and (way := way_to_read(text, layout.mapped)):
        raise FileRefused(f"the file is JSON, not CSV; {way}")
    if layout.escape and layout.escape not in text:
        layout = replace(layout, escape=None)  # Python's reader is quicker
    if layout.skip_footer:
        text = _without_footer(text, layout.skip_footer)
    yield from chunks(_records(text, layout))


def _without_footer(text: str, count: int) -> str:
    """The text without its last lines that are not blank."""
    lines = list(io.StringIO(text, newline=""))
    while lines and count:
        count -= bool(lines.pop().strip())
    return "".join(lines)


def _records(text: str, layout: FileFormat) -> list[Record]:
    lines = io.StringIO(text, newline="")
    start = start_of(lines, layout)
    lines.seek(0)
    for _ in range(start.index):
        lines.readline()
    rows = rows_of(lines, layout, start.delimiter)
    if layout.columns:
        names, named = list(layout.columns), len(layout.columns)
    else:
        names, named = _header(text, rows, start, layout)
    first = start.index + rows.line_num
    made = CsvRecords(names, named, first, layout)
    if _read_all(rows, made, start):
        return made.checked()
    made = CsvRecords(names, named, first, layout)
    whole = list(io.StringIO(text, newline=""))
    for line, raw, row, problem in careful_rows(whole, first, layout, start.delimiter, made.widths):
        if problem is not None:
            made.refuse(line, raw, problem)
        else:
            made.add(line, row)
    return made.checked()


def _header(text: str, rows: Rows, start: Start, layout: FileFormat) -> tuple[list[str], int]:
    try:
        return names_of(next(rows, []), start.index + rows.line_num, layout)
    except csv.Error as error:
        likely = delimiter_of_quoted(_line(text, start.index), layout.quote)
        way = f"; declare `delimiter: {DELIMITERS[likely]}`" if likely not in (None, start.delimiter) else ""
        reason = f"{likely!r} parts its fields, not {start.delimiter!r}" if way else plain_reason(error)
        raise FileRefused(f"line {start.index + 1} of the CSV file, its header: {reason}{way}") from None


def _line(text: str, index: int) -> str:
    return next(islice(io.StringIO(text, newline=""), index, None), "")


def _read_all(rows: Rows, made: CsvRecords, start: Start) -> bool:
    """Adds all rows; False where one breaks the dialect, or a quote may have swallowed lines."""
    names, width, widths, records = made.names, made.width, made.widths, made.records
    is_plain = len(widths) == 1
    line = rows.line_num
    try:
        for row in rows:
            end = rows.line_num
            if end - line > 2 and swallowed(row, widths, start.delimiter):
                return False
            if is_plain and len(row) == width:
                records.append((len(records) + 1, as_json(dict(zip(names, row, strict=True))), None))
            elif row:
                made.add(start.index + line + 1, row)
            line = end
    except csv.Error:
        return False
    return True
