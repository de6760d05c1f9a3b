"""Rows of a CSV file some of which break its dialect: where the next row begins, and what a stray quote swallowed.

A row that can't be read is refused alone, and reading goes on at the next line. A quoted field may span lines, so that
a broken row may have had more lines than its first: what follows it and ends within quotes is refused too.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence

from common.sources.chunks import FileRefused
from common.sources.files.csv_rows import rows_of
from common.sources.files.file_format import NO_QUOTE, FileFormat

FEW_DELIMITERS = 4
"""With fewer delimiters than this in the lines that it spans, a field is taken for text of several lines."""

SWALLOWED = "a quote is opened and not closed: what follows it has as many delimiters as rows have"
_REST = "a quote is closed that was not opened: it may be the rest of the row before it"
_REASONS = {"unexpected end of data": "a quote is opened and never closed"}

_NUMBER = re.compile(r"\s*[-+]?\d")
_LINE_END = re.compile(r"\r\n|\r|\n")

READINGS_OF_A_LINE = 50
"""A bound on work: each line is read at most this often on average, to find where rows begin."""

Found = tuple[int, str, list[str], str | None]
"""The line in the file where a row begins, that line itself, the row's fields, and why it can't be read."""


def careful_rows(
    lines: Sequence[str], start: int, layout: FileFormat, delimiter: str, widths: Collection[int]
) -> Iterator[Found]:
    """The rows of a file's lines from the index `start` on, one by one. Blank lines are no rows.

    `widths` are the numbers of fields that a row may have.

    Raises:
        FileRefused: so many quotes are left open that rows can't be told apart.
    """
    here = start
    end = len(lines)
    left = READINGS_OF_A_LINE * (end + 1000)

    def following() -> Iterator[str]:
        nonlocal here
        while here < end:
            here += 1
            yield lines[here - 1]

    rests = _closes_a_quote(layout, delimiter)
    in_doubt = False
    sample: list[str] = []
    rows = rows_of(following(), layout, delimiter)
    while (begin := here) < end:
        problem, row = None, None
        try:
            row = next(rows, None)
        except csv.Error as error:
            problem = plain_reason(error)
        inner = swallowed(row, widths, delimiter) if row and here - begin > 2 else []
        if inner and all(_alike(line.split(delimiter), sample) for line in inner):
            problem = SWALLOWED
        elif row and in_doubt and rests(lines[begin:here]):
            problem = _REST
        if problem is not None:
            left -= here - begin
            if left < 0:
                raise FileRefused(
                    f"line {begin + 1} of the CSV file: {problem}, as in many rows before; try `quote: none`"
                )
            here = begin + 1
            rows = rows_of(following(), layout, delimiter)
            in_doubt = True
            yield begin + 1, lines[begin].rstrip("\r\n"), [], problem
        elif row:
            if len(row) in widths:
                in_doubt, sample = False, row
            yield begin + 1, lines[begin].rstrip("\r\n"), row, None


def plain_reason(error: csv.Error) -> str:
    """What breaks the dialect, in plain words."""
    reason = str(error)
    if "expected after" in reason:
        return "there is text behind a closing quote; within quotes, a quote must be doubled"
    return _REASONS.get(reason, reason)


def swallowed(row: Sequence[str], widths: Collection[int], delimiter: str) -> list[str]:
    """The lines that a field of the row spans, where each of them may be a row by itself; else none.

    Then these lines, and those in which the field begins and ends, have as many delimiters as rows do. Those of a text
    of several lines have fewer: the row's other fields are missing in them.
    """
    for index, field in enumerate(row):
        first, *others = _LINE_END.split(field)
        inner, last = [line for line in others[:-1] if line], "".join(others[-1:])
        counts = {index + first.count(delimiter), last.count(delimiter) + len(row) - 1 - index}
        counts.update(line.count(delimiter) for line in inner)
        count = counts.pop()
        if not counts and count + 1 in widths and len(inner) * count >= FEW_DELIMITERS:
            return inner
    return []


def _alike(row: Sequence[str], sample: Sequence[str]) -> bool:
    """Whether most fields that hold something are numbers or texts as the sample's are; also without a sample."""
    pairs = [pair for pair in zip(row, sample, strict=False) if any(pair)]
    return not pairs or sum(all(pair) and len({*map(_is_number, pair)}) == 1 for pair in pairs) * 2 > len(pairs)


def _is_number(text: str) -> bool:
    return _NUMBER.match(text) is not None


def _closes_a_quote(layout: FileFormat, delimiter: str) -> Callable[[Sequence[str]], bool]:
    """Whether lines hold a quote behind an unquoted text, as the end of a quoted field that began before them does."""
    quote, end = layout.quote, re.escape(delimiter)
    if quote == NO_QUOTE:
        return lambda _: False
    closing = re.compile(rf"[^{end}\r\n{re.escape(quote)}]{re.escape(quote)}(?=[{end}\r\n]|\Z)")
    return lambda lines: sum(line.count(quote) for line in lines) % 2 == 1 and any(map(closing.search, lines))
