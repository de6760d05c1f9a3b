"""A file's bytes as records: JSON lines, JSON arrays, CSV and Parquet, gzipped or not.

A file is taken whole or refused whole (`FileRefused`): what Spark's own readers would shift, cut or drop without a
word is named instead. Within a readable file, one record that can't be read doesn't harm the others.
Payloads are JSON text with digits as received; values of CSV and Parquet become JSON strings.
"""

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.errors import LakehouseError

CHUNK_ROWS = 50_000

Chunk = tuple[pa.Array, pa.Array, pa.Array]
"""ordinal (int64, from 1), payload (string) and error (string, null when the record could be read)."""


class FileRefused(LakehouseError):
    """The file as a whole can't be read."""


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
    yield from list(_PARSERS[layout.format](content, layout))


def _gunzip(content: bytes) -> bytes:
    # zlib, unlike gzip.decompress, tells a cut file from a damaged one; a file may hold several members.
    parts = []
    try:
        while content:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(content))
            if not member.eof:
                raise FileRefused("the gzip file is truncated")
            content = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise FileRefused(f"the gzip file is damaged: {error}") from None
    return b"".join(parts)


def _text(content: bytes, encoding: str) -> str:
    try:
        return content.decode("utf-8-sig" if encoding.lower().replace("_", "-") == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"byte {error.start} is not {encoding}; declare the feed's `encoding`, or have the file sent again"
        ) from None


def _chunks(records: list[tuple[int, str, str | None]]) -> Iterator[Chunk]:
    for start in range(0, len(records), CHUNK_ROWS):
        ordinals, payloads, errors = zip(*records[start : start + CHUNK_ROWS], strict=True)
        yield pa.array(ordinals, pa.int64()), pa.array(payloads, pa.string()), pa.array(errors, pa.string())


def _json_lines(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    if content[:4] == b"PAR1" or b"\0" in content[:1024]:
        raise FileRefused("the file is binary, not JSON lines")
    records: list[tuple[int, str, str | None]] = []
    for ordinal, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = raw.strip(b" \t\r")
        if not line:
            continue
        try:
            records.append((ordinal, line.decode(layout.encoding), None))
        except UnicodeDecodeError as error:
            text = line.decode(layout.encoding, errors="backslashreplace")
            records.append((ordinal, text, f"byte {error.start} of the line is not {layout.encoding}"))
    yield from _chunks(records)


def _json_array(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    text = _text(content, layout.encoding)
    decoder = json.JSONDecoder()
    position = _skip_space(text, 0)
    if text[position : position + 1] != "[":
        raise FileRefused("the file does not begin with [, as a JSON array does")
    records: list[tuple[int, str, str | None]] = []
    position = _skip_space(text, position + 1)
    while text[position : position + 1] != "]":
        if records:
            if text[position : position + 1] != ",":
                raise FileRefused(f"no comma or ] after element {len(records)} of the JSON array")
            position = _skip_space(text, position + 1)
        try:
            _, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            raise FileRefused(f"element {len(records) + 1} of the JSON array is not JSON: {error}") from None
        records.append((len(records) + 1, text[position:end], None))
        position = _skip_space(text, end)
    if _skip_space(text, position + 1) != len(text):
        raise FileRefused("there is more text behind the JSON array")
    yield from _chunks(records)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _csv(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
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
    yield from _chunks(records)


def _csv_record(ordinal: int, row: list[str], header: list[str]) -> tuple[int, str, str | None]:
    if len(row) == len(header):
        return ordinal, json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False), None
    return ordinal, json.dumps(row, ensure_ascii=False), f"the row has {len(row)} fields, the header {len(header)}"


def _parquet(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    del layout
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        ordinal = 1
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            if batch.num_rows:
                ordinals = pa.array(range(ordinal, ordinal + batch.num_rows), pa.int64())
                yield ordinals, _payloads(batch), pa.nulls(batch.num_rows, pa.string())
                ordinal += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileRefused(f"not a readable Parquet file: {' '.join(str(error).split())[:200]}") from None


def _payloads(batch: pa.RecordBatch) -> pa.Array:
    """Each row as a JSON object, put together column by column (a thousand times quicker than row by row)."""
    parts: list[pa.Array | str] = []
    for number, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        parts.append(("{" if number == 0 else ",") + json.dumps(name, ensure_ascii=False) + ":")
        parts.append(_json_values(column))
    scalars = [pa.scalar(part, pa.string()) if isinstance(part, str) else part for part in [*parts, "}"]]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", pa.string()))


def _json_values(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.array(
            [json.dumps(value, default=str, ensure_ascii=False) for value in column.to_pylist()], pa.string()
        )
    text = column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        text = pc.replace_substring(text, " ", "T")
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = _escaped(text)
    quoted = pc.binary_join_element_wise(pa.scalar('"'), text, pa.scalar('"'), pa.scalar(""))
    return pc.fill_null(quoted, "null")


def _escaped(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        return pa.array(
            [v if v is None else json.dumps(v, ensure_ascii=False)[1:-1] for v in text.to_pylist()], pa.string()
        )
    return pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')


_PARSERS: dict[str, Callable[[bytes, FileFormat], Iterator[Chunk]]] = {
    "json_lines": _json_lines,
    "json_array": _json_array,
    "csv": _csv,
    "parquet": _parquet,
}
