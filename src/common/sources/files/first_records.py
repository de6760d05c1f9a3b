"""The first records of a feed's files, read as bronze would read them; without Spark, and bounded."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from common.sources.files.decoding import encoding_of, is_ascii_based
from common.sources.files.listing import as_text, local_files
from common.sources.files.parsing import FileFormat, FileRefused, parse_file
from common.sources.files.unpack import unpacked

MAX_FILES, MAX_RECORDS = 20, 1000
WHOLE_BYTES = 64 * 1024**2
"""A larger file is not read as a whole: of CSV and JSON lines its beginning is, others are left out."""
HEAD_BYTES = 4 * 1024**2

Opened = Callable[[str], tuple[int, BinaryIO]]
"""Opens a path: its size in bytes, and its content."""


@dataclass(frozen=True)
class Record:
    """A record as bronze has it: `error` says why it can't be read."""

    path: str
    ordinal: int
    payload: str | None
    error: str | None


@dataclass(frozen=True)
class FileLook:
    """What was seen of a file: its first records, or why it is refused. `is_cut`: only its beginning was read."""

    path: str
    records: tuple[Record, ...] = ()
    refusal: str | None = None
    is_cut: bool = False


def files_of(folder: str) -> list[str]:
    """The files of a folder that a feed would read, in order."""
    return list(local_files(folder))


def on_disk(path: str) -> tuple[int, BinaryIO]:
    """The size of a file in bytes, and the file.

    Raises:
        OSError: it can't be opened.
    """
    return os.stat(path).st_size, Path(path).open("rb")


def look_at(
    paths: Sequence[str], layout: FileFormat, most_records: int = MAX_RECORDS, opened: Opened = on_disk
) -> list[FileLook]:
    """The first records of the first files: at most MAX_FILES, `most_records` of all together, as many of each.

    Where what was read of files comes to WHOLE_BYTES, later ones are left out. `opened` opens a file.
    """
    first = paths[:MAX_FILES]
    looks: list[FileLook] = []
    size = 0
    for path in first:
        if size < WHOLE_BYTES:
            look, read = _look(path, layout, most_records // len(first), opened)
            looks.append(look)
            size += read
    return looks


def _look(path: str, layout: FileFormat, records: int, opened: Opened) -> tuple[FileLook, int]:
    """What was seen of a file, and how many bytes of it were read."""
    content = b""
    try:
        content, is_cut = head(path, layout, opened)
        found = parsed(content, layout)
    except (OSError, FileRefused) as problem:
        return FileLook(as_text(path), refusal=str(problem)), len(content)
    if is_cut:  # what the end of the part has cut is no record
        found = found[:-1]
    shown = tuple(Record(as_text(path), *row) for row in found[:records])
    return FileLook(as_text(path), shown, None, is_cut or len(found) > records), len(content)


def parsed(content: bytes, layout: FileFormat) -> list[tuple[int, str | None, str | None]]:
    """Ordinal, payload and error of each record of a file.

    Raises:
        FileRefused: the file can't be read as declared.
    """
    chunks = parse_file(content, layout)
    return [row for chunk in chunks for row in zip(*(part.to_pylist() for part in chunk), strict=True)]


def head(path: str, layout: FileFormat, opened: Opened = on_disk) -> tuple[bytes, bool]:
    """The content of a file, or its first lines where it is large; and whether that is only a part of it.

    Raises:
        FileRefused: it is large, and of a kind of which a part can't be read.
        OSError: it can't be opened.
    """
    size, opened_file = opened(path)
    with opened_file as file:
        beginning = file.read(HEAD_BYTES)
        if len(beginning) == size:
            return beginning, False
        lines = layout.format in ("csv", "json_lines") and is_ascii_based(encoding_of(beginning, layout.encoding))
        if lines and not _is_packed(beginning):
            return beginning[: beginning.rfind(b"\n") + 1] or beginning, True
        if size > WHOLE_BYTES:
            raise FileRefused(f"not looked at: it has {size:,} bytes, and only the whole of such a file can be read")
        return beginning + file.read(), False


def _is_packed(beginning: bytes) -> bool:
    try:
        return unpacked(beginning)[0][1] is not beginning
    except FileRefused:
        return True


def payloads_of(looks: Iterable[FileLook]) -> list[str | None]:
    """The payloads of all records, in order."""
    return [record.payload for look in looks for record in look.records]
