"""Files of JSON values: one array of records, or objects one after the other, each over as many lines as it takes.

Only where a value begins and ends is looked at: a record's payload is its own text, with digits as received.
"""

import json
import re
from collections.abc import Collection, Iterator

from common.sources.chunks import Chunk, FileRefused, Record, chunks
from common.sources.decoding import refuse_other_kinds, text_of
from common.sources.file_format import FileFormat

Span = tuple[int, int]
"""Where a value begins in a text, and where it ends."""

_SPACE = " \t\r\n\ufeff"
"""White space of JSON, and the byte order mark that stands between files that were put one after the other."""


def _decoder() -> json.JSONDecoder:
    # Digits are of no concern here, and Python refuses to make an int of 5,000 of them. No constant of the module: it
    # goes to Spark's workers, and a decoder can't be pickled.
    return json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def json_array_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The elements of the one array that the file is.

    Raises:
        FileRefused: the file is anything else.
    """
    refuse_other_kinds(content, layout, "a JSON array")
    text = text_of(content, layout.encoding)
    start = _skip_space(text, 0)
    if text[start : start + 1] != "[":
        raise FileRefused(f"the file does not begin with [, as a JSON array does{_hint(text, layout)}")
    elements, end = _elements(text, start)
    if _skip_space(text, end) != len(text):
        raise FileRefused(f"there is more text behind the JSON array{_hint(text, layout)}")
    yield from chunks(_records(text, elements))


def json_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The objects of a file, one after the other or in an array; with `records`, those at that path in each object.

    Raises:
        FileRefused: something in the file is not JSON, or there is no array at that path.
    """
    refuse_other_kinds(content, layout, "JSON")
    text = text_of(content, layout.encoding)
    yield from chunks(_records(text, _spans(text, layout.records)))


def way_to_read(text: str, wanted: Collection[str] = ()) -> str | None:
    """The declaration that reads this text as JSON, in words; None where none does.

    `wanted` are fields that the records have.
    """
    try:
        spans = _spans(text, None)
    except FileRefused:
        return None
    if text[_skip_space(text, 0)] == "[":
        return "`format: json_array` reads the array" if _is_one_array(text) else "`format: json` reads the file"
    if len(spans) == 1 and (path := array_within(text, wanted)):
        return f"`format: json` with `records: {path}` reads the array within the object"
    return "`format: json` reads the file"


def _hint(text: str, layout: FileFormat) -> str:
    way = way_to_read(text, layout.mapped)
    return f"; {way}" if way else ""


def _records(text: str, spans: list[Span]) -> list[Record]:
    return [(ordinal, text[start:end], None) for ordinal, (start, end) in enumerate(spans, start=1)]


def _spans(text: str, path: str | None) -> list[Span]:
    spans: list[Span] = []
    position, count = _skip_space(text, 0), 0
    if position == len(text):
        raise FileRefused("the file holds no record")
    while position < len(text):
        count += 1
        what = f"value {count} of the file"
        if text[position] == "[":
            objects, end = _elements(text, position)
        elif text[position] == "{":
            end = _end(text, position, what)
            objects = [(position, end)]
        else:
            raise FileRefused(f"{what} is no JSON object; one is expected")
        spans += objects if path is None else _all_within(text, objects, path, what)
        position = _skip_space(text, end)
        if text[position : position + 1] == ",":  # as between the elements of an array whose brackets are lost
            position = _skip_space(text, position + 1)
    return spans


def _all_within(text: str, objects: list[Span], path: str, what: str) -> list[Span]:
    spans = []
    for start, _ in objects:
        if text[start] != "{":
            raise FileRefused(f"{what} holds {_kind(text[start])}; `records` looks into objects")
        spans += _within(text, start, path, what)
    return spans


def _within(text: str, position: int, path: str, what: str) -> list[Span]:
    """The elements of the array at a path of names, for the object that begins here."""
    start, seen = position, []
    for name in path.split("."):
        seen.append(name)
        try:
            found = _member(text, position, name) if text[position] == "{" else None
        except (IndexError, ValueError):
            raise FileRefused("an object of the file is nested too deeply, and is not JSON") from None
        if found is None:
            way = array_within(text[start:])
            hint = f"; there is an array of objects at `records: {way}`" if way else ""
            raise FileRefused(f"{what} holds nothing at `{'.'.join(seen)}` of `records: {path}`{hint}")
        position = found
    if text[position] != "[":
        found_kind = _kind(text[position])
        raise FileRefused(f"{what} holds {found_kind} at `records: {path}`, where an array of records is expected")
    return _elements(text, position)[0]


def _kind(first: str) -> str:
    """The kind of a JSON value, by its first character."""
    return {"{": "an object", "[": "an array", '"': "a text", "n": "null"}.get(first, "a number or a truth value")


def _member(text: str, position: int, name: str) -> int | None:
    """Where the value of that name begins, in an object that is JSON."""
    found = None
    position = _skip_space(text, position + 1)
    while text[position] != "}":
        key, position = _decoder().raw_decode(text, position)
        position = _skip_space(text, _skip_space(text, position) + 1)
        if key == name:
            if found is not None:
                raise FileRefused(f"the key {name!r} of `records` is there twice")
            found = position
        position = _skip_space(text, _end(text, position, "a value of the object"))
        if text[position] == ",":
            position = _skip_space(text, position + 1)
    return found


def _elements(text: str, position: int) -> tuple[list[Span], int]:
    """The elements of the array that begins here, and where it ends."""
    spans: list[Span] = []
    position = _skip_space(text, position + 1)
    while text[position : position + 1] != "]":
        if spans:
            if text[position : position + 1] != ",":
                raise FileRefused(f"no comma or ] after element {len(spans)} of the JSON array")
            position = _skip_space(text, position + 1)
        end = _end(text, position, f"element {len(spans) + 1} of the JSON array")
        spans.append((position, end))
        position = _skip_space(text, end)
    return spans, position + 1


def _end(text: str, position: int, what: str) -> int:
    try:
        return int(_decoder().raw_decode(text, position)[1])
    except RecursionError:
        return _end_of_nested(text, position)
    except json.JSONDecodeError as error:
        raise FileRefused(f"{what} is not JSON: {error}") from None


_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


def _end_of_nested(text: str, start: int) -> int:
    """Where an element ends that is nested too deeply to be parsed: it is a record, to be quarantined by itself."""
    depth = 0
    for token in _BRACKETS.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    raise FileRefused("the JSON array ends within an element that is nested too deeply")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _is_one_array(text: str) -> bool:
    start = _skip_space(text, 0)
    return _skip_space(text, _elements(text, start)[1]) == len(text)


def array_within(text: str, wanted: Collection[str] = ()) -> str | None:
    """The path of names to an array of objects, in the first object of a text.

    Of several it is the one whose first object has most of the wanted fields, then the shortest path, then the first.
    """
    try:
        level = [("", _decoder().raw_decode(text, _skip_space(text, 0))[0])]
    except (ValueError, RecursionError):
        return None
    found: dict[str, int] = {}
    while level:
        level = [
            (f"{path}.{name}" if path else name, value)
            for path, record in level
            if isinstance(record, dict)
            for name, value in record.items()
            if "." not in name
        ]
        for path, value in level:
            if isinstance(value, list) and value and all(isinstance(element, dict) for element in value):
                found[path] = len(set(wanted) & set(value[0]))
    return max(found, key=lambda path: found[path], default=None)
