"""What every parser of files returns: records in chunks that Arrow can hold, or a refusal of the whole file."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from common.errors import LakehouseError

CHUNK_ROWS = 50_000
CHUNK_CHARACTERS = 64 * 1024 * 1024
"""Arrow addresses at most 2 GiB of text in one array; few large records must not add up to that."""

Chunk = tuple[pa.Array, pa.Array, pa.Array]
"""Ordinal (int64, from 1), payload (string) and error (string, null when the record could be read).

A file that carries its records' references has those (string) in place of ordinals."""

Record = tuple[int, str, str | None]
"""Ordinal, payload and error of one record."""

NOT_TEXT = "it holds half of a surrogate pair (\\ud800 to \\udfff), which is no character"


REFUSED = "file refused: "
"""What the `read_error` of a refused file begins with; the reason follows."""


class FileRefused(LakehouseError):
    """The file as a whole can't be read."""


def chunks(records: Iterable[Record]) -> Iterator[Chunk]:
    """Records in chunks of at most CHUNK_ROWS, and of about CHUNK_CHARACTERS."""
    waiting: list[Record] = []
    size = 0
    for record in records:
        waiting.append(record)
        size += len(record[1])
        if len(waiting) == CHUNK_ROWS or size >= CHUNK_CHARACTERS:
            yield _chunk(waiting)
            waiting, size = [], 0
    if waiting:
        yield _chunk(waiting)


def _chunk(records: list[Record]) -> Chunk:
    ordinals, payloads, errors = zip(*records, strict=True)
    try:
        text = pa.array(payloads, pa.string())
    except UnicodeEncodeError:
        # Some encodings (utf-7, unicode_escape) decode to surrogates, which are no text.
        return _chunk([_encodable(record) for record in records])
    return pa.array(ordinals, pa.int64()), text, pa.array(errors, pa.string())


def _encodable(record: Record) -> Record:
    ordinal, payload, error = record
    kept = payload.encode("utf-8", "backslashreplace").decode()
    return ordinal, kept, error or (None if kept == payload else NOT_TEXT)
