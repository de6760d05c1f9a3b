"""Where JSON values begin and end in a text: nothing else is looked at, so that a value keeps its own letters."""

import json
import re

from common.sources.chunks import FileRefused

Span = tuple[int, int]
"""Where a value begins in a text, and where it ends."""

_SPACE = " \t\r\n\ufeff"
"""White space of JSON, and the byte order mark that stands between files that were put one after the other."""

MOST_BROKEN = 1000
"""Records of a file that are not JSON, above which it is refused: for each, Python counts the lines before it."""


class _TextDecoder(json.JSONDecoder):
    """Leaves numbers as the text that they are: Python refuses to make an int of 5,000 digits.

    Modules go to Spark's workers with their constants, and a plain decoder can't be pickled.
    """

    def __init__(self) -> None:
        super().__init__(parse_int=str, parse_float=str, parse_constant=str)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()


DECODER = _TextDecoder()


def elements_of(text: str, position: int, broken: list[str] | None = None) -> tuple[list[Span], int]:
    """The elements of the array that begins here, and where it ends; `broken` is as in `end_of`."""
    spans: list[Span] = []
    position = skip_space(text, position + 1)
    while text[position : position + 1] != "]":
        if spans:
            if text[position : position + 1] != ",":
                raise FileRefused(f"no comma or ] after element {len(spans)} of the JSON array")
            position = skip_space(text, position + 1)
        end = end_of(text, position, f"element {len(spans) + 1} of the JSON array", broken)
        spans.append((position, end))
        position = skip_space(text, end)
    return spans, position + 1


def end_of(text: str, position: int, what: str, broken: list[str] | None = None) -> int:
    """Where the value ends that begins here.

    An object that is not JSON is noted in `broken` where its end is clear all the same.

    Raises:
        FileRefused: it is not JSON.
    """
    try:
        return int(DECODER.raw_decode(text, position)[1])
    except RecursionError:
        return _end_of_nested(text, position)
    except json.JSONDecodeError as error:
        problem = f"{what} is not JSON: {error}"
        end = None if broken is None else _end_of_broken(text, position)
        if broken is None or end is None:
            raise FileRefused(problem) from None
        if len(broken) == MOST_BROKEN:
            raise FileRefused(f"more than {MOST_BROKEN:,} records of the file are not JSON: {broken[0]}") from None
        broken.append(problem)
        return end


_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
_BRACKETS_AND_QUOTES = re.compile(_BRACKETS.pattern + '|"', re.DOTALL)


def _end_of_nested(text: str, start: int) -> int:
    """Where an element ends that is nested too deeply to be parsed: it is a record, to be quarantined by itself."""
    depth = 0
    for token in _BRACKETS.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    raise FileRefused("the JSON array ends within an element that is nested too deeply")


def _end_of_broken(text: str, start: int) -> int | None:
    """Where an object ends that is not JSON; None where that is doubtful, as after a quote that is not closed."""
    if text[start : start + 1] != "{":
        return None
    open_brackets: list[str] = []
    for token in _BRACKETS_AND_QUOTES.finditer(text, start):
        if token[0] in "[{":
            open_brackets.append(token[0])
        elif token[0] in "]}":
            if not open_brackets or open_brackets.pop() + token[0] not in ("[]", "{}"):
                return None
        elif token[0] == '"' or "{" in token[0] or "}" in token[0]:
            return None
        if not open_brackets:
            after = skip_space(text, token.end())
            return token.end() if text[after : after + 1] in ("", ",", "]", "{") else None
    return None


def skip_space(text: str, position: int) -> int:
    """The first position from this one on that is no white space; the text's length where there is none."""
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position
