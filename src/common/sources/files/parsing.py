"""A file's bytes as records: JSON, CSV and Parquet, compressed or not.

A file is taken whole or refused whole (`FileRefused`): what Spark's own readers would shift, cut or drop without a
word is named instead. Within a readable file, one record that can't be read doesn't harm the others; blank lines are
no records. Payloads are JSON text with digits as received; values of CSV and Parquet become JSON strings.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from common.sources.chunks import CHUNK_ROWS, Chunk, FileRefused
from common.sources.files.csv_files import csv_chunks
from common.sources.files.decoding import encoding_of
from common.sources.files.file_format import FileFormat
from common.sources.files.json_files import json_array_chunks, json_chunks
from common.sources.files.json_lines import json_lines_chunks
from common.sources.files.landed import landed_chunks
from common.sources.files.parquet import parquet_chunks
from common.sources.files.unpack import unpacked

__all__ = ["CHUNK_ROWS", "Chunk", "FileFormat", "FileRefused", "parse_file"]


def parse_file(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The records of a file, in order, in chunks.

    The file is read to its end before the first chunk is given out. A zip archive's files are read one after the
    other, and their records numbered on: the archive is taken whole or refused whole.

    Raises:
        FileRefused: the file is empty, truncated or not of the format that the feed declares.
    """
    if not content:
        raise FileRefused("the file is empty")
    yield from list(_all_chunks(content, layout))


def _all_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    last = 0
    for name, part in unpacked(content):
        before = last
        try:
            for ordinals, payloads, errors in _chunks(part, layout):
                numbers = pc.add(ordinals, before) if before else ordinals
                last = numbers[-1].as_py()
                yield numbers, payloads, errors if name is None else _located(errors, name)
        except FileRefused as refusal:
            raise refusal if name is None else FileRefused(f"{name} in the zip file: {refusal}") from None


def _chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    if not content:
        raise FileRefused("the file is empty")
    yield from _PARSERS[layout.format](content, replace(layout, encoding=encoding_of(content, layout.encoding)))


def _located(errors: pa.Array, name: str) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(f"{name} in the zip file: "), errors, pa.scalar(""))


def _parquet(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    return parquet_chunks(content, layout.payload_column)


_PARSERS: dict[str, Callable[[bytes, FileFormat], Iterator[Chunk]]] = {
    "json_lines": json_lines_chunks,
    "json_array": json_array_chunks,
    "json": json_chunks,
    "csv": csv_chunks,
    "parquet": _parquet,
    "landed": landed_chunks,
}
