"""JSON lines: every line that is not blank is a record, kept to the letter and numbered by its line."""

import json
from collections.abc import Iterator

from common.sources.chunks import Chunk, FileRefused, Record, chunks
from common.sources.files.decoding import is_ascii_based, refuse_other_kinds, text_of, without_mark
from common.sources.files.file_format import FileFormat
from common.sources.files.json_files import way_to_read


def json_lines_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The lines of a file; one that is not of the encoding is marked, and harms no other.

    Raises:
        FileRefused: the file holds no line, none begins as an object does, or its objects go over several lines.
    """
    refuse_other_kinds(content, layout, "JSON lines")
    if is_ascii_based(layout.encoding):
        lines = enumerate(content.split(b"\n"), start=1)
        bare = ((ordinal, without_mark(line).strip(b" \t\r")) for ordinal, line in lines)
        records = [_line(ordinal, line, layout.encoding) for ordinal, line in bare if line]
    else:
        texts = enumerate(text_of(content, layout.encoding).split("\n"), start=1)
        records = [(ordinal, text.strip(" \t\r"), None) for ordinal, text in texts if text.strip(" \t\r")]
    if not records:
        raise FileRefused("the file holds no record")
    _refuse_other_json(records, content, layout)
    yield from chunks(records)


def _line(ordinal: int, line: bytes, encoding: str) -> Record:
    try:
        return ordinal, line.decode(encoding), None
    except UnicodeError as error:
        byte = f"byte {error.start} of the line" if isinstance(error, UnicodeDecodeError) else "the line"
        return ordinal, line.decode("ascii", errors="backslashreplace"), f"{byte} is not {encoding}"


def _refuse_other_json(records: list[Record], content: bytes, layout: FileFormat) -> None:
    first = records[0][1]
    is_array = first.startswith("[")
    if not any(payload.startswith("{") for _, payload, _ in records):
        way = _way(content, layout) if is_array else None
        hint = f"; {way}" if way else ""
        raise FileRefused(f"no line of the file begins with {{, as a JSON object does{hint}")
    if not (is_array or first.startswith("{")) or _is_json(first):
        return
    # The first line is no record by itself. If few others are, objects go over several lines, or an array does.
    sample = records[:100]
    whole = sum(payload.startswith("{") and _is_json(payload) for _, payload, _ in sample)
    if (is_array or whole * 2 <= len(sample)) and (way := _way(content, layout)):
        raise FileRefused(f"its records are not one a line; {way}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        return True  # one record, which is quarantined for its depth
    except ValueError:
        return False
    return True


def _way(content: bytes, layout: FileFormat) -> str | None:
    try:
        return way_to_read(text_of(content, layout.encoding), layout.mapped)
    except FileRefused:
        return None
