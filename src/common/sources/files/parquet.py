"""Parquet files as records: each row a JSON object whose values are text, with all their digits.

Text and bytes that are UTF-8 stay as they are; other bytes become hexadecimal digits. A text column with a value that
is not UTF-8, or a value that has no text (a date after the year 9999 within a list), marks its row, not the file.
Where a payload column is declared, its text alone is the record, untouched.
"""

import json
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.sources.chunks import CHUNK_CHARACTERS, CHUNK_ROWS, Chunk, FileRefused

Values = tuple[pa.Array, list[str | None] | None]
"""JSON text of each value of a column, and what is wrong with it; None when nothing is."""


def parquet_chunks(content: bytes, payload_column: str | None = None) -> Iterator[Chunk]:
    """The rows of a Parquet file; of each the text in `payload_column`, where one is named.

    Raises:
        FileRefused: the file can't be read to its end, has no columns, names one twice, or has no text column of the
            name `payload_column`.
    """
    try:
        yield from _chunks(pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True), payload_column)
    except FileRefused:
        raise
    except Exception as error:  # a damaged footer makes pyarrow raise anything: OSError, MemoryError, OverflowError
        raise FileRefused(f"not a readable Parquet file: {' '.join(str(error).split())[:200]}") from None


def _chunks(file: pq.ParquetFile, payload_column: str | None) -> Iterator[Chunk]:
    names = file.schema_arrow.names
    if not names:
        raise FileRefused("the Parquet file has no columns")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise FileRefused(f"the Parquet file names the column {doubled[0]!r} twice")
    if payload_column is not None:
        _check_payload_column(file.schema_arrow, payload_column)
    ordinal = 1
    columns = None if payload_column is None else [payload_column]
    for batch in file.iter_batches(batch_size=_rows_per_batch(file.metadata), columns=columns):
        if batch.num_rows:
            batch.validate()
            ordinals = pa.array(range(ordinal, ordinal + batch.num_rows), pa.int64())
            yield ordinals, *(_payloads(batch) if payload_column is None else _received(batch.column(payload_column)))
            ordinal += batch.num_rows


def _check_payload_column(schema: pa.Schema, name: str) -> None:
    if name not in schema.names:
        raise FileRefused(
            f"the Parquet file has no column {name!r}, which payload_column names; it has: {', '.join(schema.names)}"
        )
    type_ = schema.field(name).type
    if not _is_text(type_.value_type if pa.types.is_dictionary(type_) else type_):
        raise FileRefused(f"the column {name!r}, which payload_column names, holds {type_} and no text")


def _received(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Texts as they are, and why a row has none."""
    text = column.cast(pa.string())
    problems = pa.nulls(len(text), pa.string())
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        text, problems = (pa.array(part, pa.string()) for part in _decoded(text.cast(pa.binary()).to_pylist()))
    missing = pa.scalar("the payload column is null", pa.string())
    return text, pc.if_else(text.is_null(), missing, problems)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _rows_per_batch(metadata: pq.FileMetaData) -> int:
    size: int = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    rows: int = metadata.num_rows
    return max(1, min(CHUNK_ROWS, CHUNK_CHARACTERS * rows // max(size, 1)))


def _payloads(batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Each row as a JSON object, put together column by column (a thousand times quicker than row by row)."""
    parts: list[pa.Array | str] = []
    wrong: list[list[str | None]] = []
    for number, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        parts.append(("{" if number == 0 else ",") + json.dumps(name, ensure_ascii=False) + ":")
        values, problems = _json_values(column)
        parts.append(values)
        if problems is not None:
            wrong.append([problem and f"column {name!r}: {problem}" for problem in problems])
    scalars = [pa.scalar(part, pa.string()) if isinstance(part, str) else part for part in [*parts, "}"]]
    payloads = pc.binary_join_element_wise(*scalars, pa.scalar("", pa.string()))
    errors = reduce(lambda left, right: [a or b for a, b in zip(left, right, strict=True)], wrong) if wrong else None
    return payloads, pa.nulls(batch.num_rows, pa.string()) if errors is None else pa.array(errors, pa.string())


def _json_values(column: pa.Array) -> Values:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    type_ = column.type
    if _is_text(type_):
        return _text_values(column)
    if pa.types.is_nested(type_):
        return _one_by_one(column, lambda value: json.dumps(value, default=_shown, ensure_ascii=False))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return _one_by_one(column, lambda value: json.dumps(_shown(value), ensure_ascii=False))
    try:
        text = column.cast(pa.string())
    except pa.ArrowException:
        return _one_by_one(column, lambda value: json.dumps(str(value), ensure_ascii=False))
    if pa.types.is_timestamp(type_):
        text = pc.replace_substring(text, " ", "T")
    return _quoted(text), None


def _text_values(column: pa.Array) -> Values:
    text = column.cast(pa.string())
    try:
        # Nobody checked these bytes before: a writer may have put anything into a text column.
        text.validate(full=True)
    except pa.ArrowInvalid:
        return _repaired(text.cast(pa.binary()).to_pylist())
    return _quoted(_escaped(text)), None


def _repaired(values: list[bytes | None]) -> Values:
    texts, problems = _decoded(values)
    quoted = ["null" if text is None else json.dumps(text, ensure_ascii=False) for text in texts]
    return pa.array(quoted, pa.string()), problems


def _decoded(values: list[bytes | None]) -> tuple[list[str | None], list[str | None]]:
    """Texts with what is not UTF-8 spelt out, and what is wrong with them."""
    texts = [None if value is None else value.decode("utf-8", "backslashreplace") for value in values]
    problems = [
        None if text is None or text.encode() == value else "the text is not UTF-8"
        for text, value in zip(texts, values, strict=True)
    ]
    return texts, problems


def _one_by_one(column: pa.Array, as_json: Callable[[Any], str]) -> Values:
    texts: list[str] = []
    problems: list[str | None] = []
    for scalar in column:
        try:
            value = scalar.as_py()
            texts.append("null" if value is None else as_json(value))
            problems.append(None)
        except (ValueError, OverflowError, pa.ArrowException) as error:
            texts.append("null")
            problems.append(f"a value has no text: {' '.join(str(error).split())[:100]}")
    return pa.array(texts, pa.string()), problems if any(problems) else None


def _shown(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _quoted(text: pa.Array) -> pa.Array:
    quoted = pc.binary_join_element_wise(pa.scalar('"'), text, pa.scalar('"'), pa.scalar(""))
    return pc.fill_null(quoted, "null")


def _escaped(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        return pa.array(
            [v if v is None else json.dumps(v, ensure_ascii=False)[1:-1] for v in text.to_pylist()], pa.string()
        )
    return pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
