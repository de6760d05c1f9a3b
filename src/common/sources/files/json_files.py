"""Files of JSON values: one array of records, or objects one after the other, each over as many lines as it takes.

Only where a value begins and ends is looked at: a record's payload is its own text, with digits as received.
"""

from collections.abc import Collection, Iterator

from common.sources.chunks import Chunk, FileRefused, Record, chunks
from common.sources.files.decoding import refuse_other_kinds, text_of
from common.sources.files.file_format import FileFormat
from common.sources.json_spans import DECODER, Span, elements_of, end_of, skip_space

A_FEW = 3
"""A file most of whose records are not JSON is refused from so many on, and one without any that is JSON."""


def json_array_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The elements of the one array that the file is. One that is not JSON is a record, where its end is clear.

    Raises:
        FileRefused: the file is anything else, or most of its elements are not JSON.
    """
    refuse_other_kinds(content, layout, "a JSON array")
    text = text_of(content, layout.encoding)
    start = skip_space(text, 0)
    if text[start : start + 1] != "[":
        raise FileRefused(f"the file does not begin with [, as a JSON array does{_hint(text, layout)}")
    broken: list[str] = []
    elements, end = elements_of(text, start, broken)
    if skip_space(text, end) != len(text):
        raise FileRefused(f"there is more text behind the JSON array{_hint(text, layout)}")
    _refuse_mostly_broken(broken, len(elements))
    yield from chunks(_records(text, elements))


def json_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The objects of a file, one after the other or in an array; with `records`, those at that path in each object.

    One that is not JSON is a record, where its end is clear and there is no such path.

    Raises:
        FileRefused: something else in the file is not JSON, or there is no array at that path.
    """
    refuse_other_kinds(content, layout, "JSON")
    text = text_of(content, layout.encoding)
    broken: list[str] = []
    spans = _spans(text, layout.records, broken if layout.records is None else None)
    _refuse_mostly_broken(broken, len(spans))
    yield from chunks(_records(text, spans))


def _refuse_mostly_broken(broken: list[str], total: int) -> None:
    if (len(broken) >= A_FEW and len(broken) * 2 > total) or 0 < len(broken) == total:
        raise FileRefused(f"{len(broken)} of {total} records of the file are not JSON: {broken[0]}")


def way_to_read(text: str, wanted: Collection[str] = ()) -> str | None:
    """The declaration that reads this text as JSON, in words; None where none does.

    `wanted` are fields that the records have.
    """
    try:
        spans = _spans(text, None)
    except FileRefused:
        return None
    if text[skip_space(text, 0)] == "[":
        return "`format: json_array` reads the array" if _is_one_array(text) else "`format: json` reads the file"
    if len(spans) == 1 and (path := array_within(text, wanted)):
        return f"`format: json` with `records: {path}` reads the array within the object"
    return "`format: json` reads the file"


def _hint(text: str, layout: FileFormat) -> str:
    way = way_to_read(text, layout.mapped)
    return f"; {way}" if way else ""


def _records(text: str, spans: list[Span]) -> list[Record]:
    return [(ordinal, text[start:end], None) for ordinal, (start, end) in enumerate(spans, start=1)]


def _spans(text: str, path: str | None, broken: list[str] | None = None) -> list[Span]:
    spans: list[Span] = []
    position, count = skip_space(text, 0), 0
    if position == len(text):
        raise FileRefused("the file holds no record")
    while position < len(text):
        count += 1
        what = f"value {count} of the file"
        if text[position] == "[":
            objects, end = elements_of(text, position, broken)
        elif text[position] == "{":
            end = end_of(text, position, what, broken)
            objects = [(position, end)]
        else:
            raise FileRefused(f"{what} is no JSON object; one is expected")
        spans += objects if path is None else _all_within(text, objects, path, what)
        position = skip_space(text, end)
        if text[position : position + 1] == ",":  # as between the elements of an array whose brackets are lost
            position = skip_space(text, position + 1)
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
    return elements_of(text, position)[0]


def _kind(first: str) -> str:
    """The kind of a JSON value, by its first character."""
    return {"{": "an object", "[": "an array", '"': "a text", "n": "null"}.get(first, "a number or a truth value")


def _member(text: str, position: int, name: str) -> int | None:
    """Where the value of that name begins, in an object that is JSON."""
    found = None
    position = skip_space(text, position + 1)
    while text[position] != "}":
        key, position = DECODER.raw_decode(text, position)
        position = skip_space(text, skip_space(text, position) + 1)
        if key == name:
            if found is not None:
                raise FileRefused(f"the key {name!r} of `records` is there twice")
            found = position
        position = skip_space(text, end_of(text, position, "a value of the object"))
        if text[position] == ",":
            position = skip_space(text, position + 1)
    return found


def _is_one_array(text: str) -> bool:
    start = skip_space(text, 0)
    return skip_space(text, elements_of(text, start)[1]) == len(text)


def array_within(text: str, wanted: Collection[str] = ()) -> str | None:
    """The path of names to an array of objects, in the first object of a text.

    Of several it is the one whose first object has most of the wanted fields, then the shortest path, then the first.
    """
    try:
        level = [("", DECODER.raw_decode(text, skip_space(text, 0))[0])]
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
