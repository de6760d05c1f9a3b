"""Files that a puller landed: JSON lines that carry the reference of each record with it.

A line is `{"ref": ..., "payload": ..., "error": ...}`. The payload is a text, so that its digits stay as they are and
what is no JSON can be carried too; null where the record could not be read, and `error` says why.
"""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from common.sources.chunks import CHUNK_CHARACTERS, CHUNK_ROWS, NOT_TEXT, Chunk, FileRefused
from common.sources.files.file_format import FileFormat

LAYOUT = FileFormat("landed")


class Record(NamedTuple):
    """A record as it was pulled.

    `ref` is the same for ever, and names no other record of the feed. Up to its last `#`, refs sort as the source's
    order is; what follows is a number.
    """

    ref: str
    payload: str | None
    error: str | None = None


def landed_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """The records as lines of a landed file."""
    for record in records:
        payload, error = record.payload, record.error
        line = json.dumps({"ref": record.ref, "payload": payload, "error": error}, ensure_ascii=False)
        try:
            yield line.encode() + b"\n"
        except UnicodeEncodeError:  # half of a surrogate pair
            kept = (payload or "").encode("utf-8", "backslashreplace").decode()
            line = json.dumps({"ref": record.ref, "payload": kept, "error": error or NOT_TEXT}, ensure_ascii=False)
            yield line.encode() + b"\n"


def landed_chunks(content: bytes, layout: FileFormat) -> Iterator[Chunk]:
    """The records of a landed file, with refs in place of ordinals.

    Raises:
        FileRefused: the file is none that a puller wrote.
    """
    del layout
    rows: list[tuple[str, str | None, str | None]] = []
    size = 0
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line:
            continue
        try:
            fields = json.loads(line)
            row = (str(fields["ref"]), fields["payload"], fields["error"])
        except (ValueError, TypeError, KeyError):
            raise FileRefused(f"line {number} is not what a puller writes") from None
        rows.append(row)
        size += len(line)
        if len(rows) == CHUNK_ROWS or size >= CHUNK_CHARACTERS:
            yield _chunk(rows)
            rows, size = [], 0
    if rows:
        yield _chunk(rows)


def _chunk(rows: list[tuple[str, str | None, str | None]]) -> Chunk:
    refs, payloads, errors = (pa.array(part, pa.string()) for part in zip(*rows, strict=True))
    return refs, payloads, errors
