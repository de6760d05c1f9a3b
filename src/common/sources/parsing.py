"""A file's bytes as records: JSON lines, JSON arrays, CSV and Parquet, gzipped or not.

A file is taken whole or refused whole (`FileRefused`): what Spark's own readers would shift, cut or drop without a
word is named instead. Within a readable file, one record that can't be read doesn't harm the others; blank lines are
no records. Payloads are JSON text with digits as received; values of CSV and Parquet become JSON strings.
"""

import codecs
import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.sources.chunks import CHUNK_ROWS, Chunk, FileRefused, Record, chunks
from common.sources.parquet import parquet_chunks

__all__ = ["CHUNK_ROWS", "Chunk", "FileFormat", "FileRefused", "parse_file"]

MAX_UNPACKED_BYTES = 1024**3
"""A gzip file of a few megabytes can unpack to more than any memory holds."""

_BINARY = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\0": "xz",
    b"%PDF": "PDF",
}


@dataclass(frozen=True)
class FileFormat:
    """What a reader must know of a feed's files."""

    format: str
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"


def parse_file(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The records of a file, in order, in chunks.

    The file is read to its end before the first chunk is given out.

    Raises:
        FileRefused: the file is empty, truncated or not of the format that the feed declares.
    """
    if not content:
        raise FileRefused("the file is empty")
    if content[:2] == b"\x1f\x8b":
        content = _gunzip(content)
        if not content:
            raise FileRefused("the gzip file holds nothing")
    yield from list(_PARSERS[layout.format](content, layout))


def _gunzip(content: bytes) -> bytes:
    # zlib, unlike gzip.decompress, distinguishes a cut file from a damaged one; a file may hold several members.
    parts = []
    left = MAX_UNPACKED_BYTES
    try:
        while content:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(content, left + 1))
            left -= len(parts[-1])
            if left < 0:
                raise FileRefused(f"the gzip file unpacks to more than {MAX_UNPACKED_BYTES:,} bytes: split it")
            if not member.eof:
                raise FileRefused("the gzip file is truncated")
            content = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise FileRefused(f"the gzip file is damaged: {error}") from None
    return b"".join(parts)


def _refuse_binary(content: bytes, layout: FileFormat, wanted: str) -> None:
    head = content[:1024]
    kind = next((f" ({name})" for magic, name in _BINARY.items() if head.startswith(magic)), "")
    # A stray NUL damages one record; many are no text, unless it has two bytes a letter. A CSV header may be `ORC`.
    named = kind and (b"\0" in head or layout.format != "csv")
    if named or (_is_ascii_based(layout.encoding) and head.count(0) > max(16, len(head) // 10)):
        raise FileRefused(f"the file is binary{kind}, not {wanted}")


def _is_ascii_based(encoding: str) -> bool:
    return "\n".encode(encoding) == b"\n"


def _text(content: bytes, encoding: str) -> str:
    try:
        return content.decode("utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding)
    except UnicodeError as error:
        byte = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "the file"
        raise FileRefused(
            f"{byte} is not {encoding}; declare the feed's `encoding`, or have the file sent again"
        ) from None


def _json_lines(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    _refuse_binary(content, layout, "JSON lines")
    if _is_ascii_based(layout.encoding):
        lines = enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1)
        records = [_line(ordinal, line, layout.encoding) for ordinal, raw in lines if (line := raw.strip(b" \t\r"))]
    else:
        texts = enumerate(_text(content, layout.encoding).split("\n"), start=1)
        records = [(ordinal, text.strip(" \t\r"), None) for ordinal, text in texts if text.strip(" \t\r")]
    if not records:
        raise FileRefused("the file holds no record")
    if not any(payload.startswith("{") for _, payload, _ in records):
        raise FileRefused("no line of the file begins with {, as a JSON object does")
    yield from chunks(records)


def _line(ordinal: int, line: bytes, encoding: str) -> Record:
    try:
        return ordinal, line.decode(encoding), None
    except UnicodeError as error:
        byte = f"byte {error.start} of the line" if isinstance(error, UnicodeDecodeError) else "the line"
        return ordinal, line.decode("ascii", errors="backslashreplace"), f"{byte} is not {encoding}"


def _json_array(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    _refuse_binary(content, layout, "a JSON array")
    text = _text(content, layout.encoding)
    # Digits are of no concern here, and Python refuses to make an int of 5,000 of them.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    position = _skip_space(text, 0)
    if text[position : position + 1] != "[":
        raise FileRefused("the file does not begin with [, as a JSON array does")
    records: list[Record] = []
    position = _skip_space(text, position + 1)
    while text[position : position + 1] != "]":
        if records:
            if text[position : position + 1] != ",":
                raise FileRefused(f"no comma or ] after element {len(records)} of the JSON array")
            position = _skip_space(text, position + 1)
        try:
            _, end = decoder.raw_decode(text, position)
        except RecursionError:
            end = _end_of_nested(text, position)
        except json.JSONDecodeError as error:
            raise FileRefused(f"element {len(records) + 1} of the JSON array is not JSON: {error}") from None
        records.append((len(records) + 1, text[position:end], None))
        position = _skip_space(text, end)
    if _skip_space(text, position + 1) != len(text):
        raise FileRefused("there is more text behind the JSON array")
    yield from chunks(records)


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
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _csv(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    _refuse_binary(content, layout, "CSV")
    text = _text(content, layout.encoding)
    csv.field_size_limit(max(csv.field_size_limit(), 64 * 1024 * 1024))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter, quotechar=layout.quote, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if not any(header):
            raise FileRefused("the CSV file has no header")
        if doubled := sorted({name for name in header if header.count(name) > 1}):
            raise FileRefused(f"the CSV header names {doubled[0]!r} twice")
        records = [_csv_record(ordinal, row, header) for ordinal, row in enumerate((r for r in rows if r), start=1)]
    except csv.Error as error:
        raise FileRefused(f"line {rows.line_num} of the CSV file: {error}") from None
    yield from chunks(records)


def _csv_record(ordinal: int, row: list[str], header: list[str]) -> Record:
    if len(row) == len(header):
        return ordinal, json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False), None
    return ordinal, json.dumps(row, ensure_ascii=False), f"the row has {len(row)} fields, the header {len(header)}"


def _parquet(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    del layout
    return parquet_chunks(content)


_PARSERS: dict[str, Callable[[bytes, FileFormat], Iterator[Chunk]]] = {
    "json_lines": _json_lines,
    "json_array": _json_array,
    "csv": _csv,
    "parquet": _parquet,
}
