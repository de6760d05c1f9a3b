"""Compressed files as what they hold: gzip, bzip2, xz, Zstandard and zip archives, recognised by content.

A zip archive gives every file in it, in its own order; hidden ones (a name or a folder that begins with a dot or an
underscore, as `__MACOSX` does) are left out, as in a feed's folder. What is packed twice, encrypted, or a tar archive
is refused by name.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import pyarrow as pa

from common.sources.chunks import FileRefused

MAX_UNPACKED_BYTES = 1024**3
"""A packed file of a few megabytes can unpack to more than any memory holds."""

Part = tuple[str | None, bytes]
"""A file's name within a zip archive (None for a file that is no archive) and its content."""

_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_ENCRYPTED = 0x1


def unpacked(content: bytes) -> list[Part]:
    """What a file holds: itself where it is not packed.

    Raises:
        FileRefused: it is truncated, damaged, encrypted, packed twice, a tar archive, or larger than
            MAX_UNPACKED_BYTES when it is unpacked.
    """
    kind = _kind(content)
    parts: list[Part] = [(None, content)]
    if kind:
        parts = _unzipped(content) if kind == "zip" else [(None, _UNPACKERS[kind](content))]
    for name, part in parts:
        if kind and (again := _kind(part)):
            raise FileRefused(f"{name or f'the {kind} file'} is packed twice, by {again} within {kind}: unpack it once")
        if part[257:262] == b"ustar":
            raise FileRefused(f"{name or 'the file'} is a tar archive, which is not read: unpack it, or send a zip")
    if kind and not any(part for _, part in parts):
        raise FileRefused(f"the {kind} file holds nothing")
    return parts


def _kind(content: bytes) -> str | None:
    if content[:4] == b"BZh" + content[3:4] and content[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if content[1:4] == _SKIPPED and content[:1] and content[0] & 0xF0 == 0x50:
        return "Zstandard"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def _too_large(kind: str) -> FileRefused:
    return FileRefused(f"the {kind} file unpacks to more than {MAX_UNPACKED_BYTES:,} bytes: split it")


def _streams(kind: str, new: Callable[[], Any]) -> Callable[[bytes], bytes]:
    def unpack(content: bytes) -> bytes:
        # Decompressors, unlike `gzip.decompress`, distinguish a cut file from a damaged one; a file may hold several.
        parts = []
        left = MAX_UNPACKED_BYTES
        try:
            while content:
                stream = new()
                parts.append(stream.decompress(content, left + 1))
                left -= len(parts[-1])
                if left < 0:
                    raise _too_large(kind)
                if not stream.eof:
                    raise FileRefused(f"the {kind} file is truncated")
                content = stream.unused_data.lstrip(b"\0")
        except (zlib.error, lzma.LZMAError, OSError) as error:
            raise FileRefused(f"the {kind} file is damaged: {error}") from None
        return b"".join(parts)

    return unpack


def _zstd(content: bytes) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
            plain: bytes = stream.read(MAX_UNPACKED_BYTES + 1)
    except OSError as error:
        state = "truncated" if "truncated" in str(error).lower() else f"damaged: {error}"
        raise FileRefused(f"the Zstandard file is {state}") from None
    if len(plain) > MAX_UNPACKED_BYTES:
        raise _too_large("Zstandard")
    return plain


def _unzipped(content: bytes) -> list[Part]:
    parts: list[Part] = []
    left = MAX_UNPACKED_BYTES
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            if "[Content_Types].xml" in archive.namelist():
                raise FileRefused("the file is an Office document, such as Excel's xlsx: save it as CSV")
            for member in archive.infolist():
                if member.is_dir() or _is_hidden(member):
                    continue
                if member.flag_bits & _ENCRYPTED:
                    raise FileRefused(f"{member.filename} in the zip file is encrypted: send it without a password")
                with archive.open(member) as file:
                    parts.append((member.filename, file.read(left + 1)))
                left -= len(parts[-1][1])
                if left < 0:
                    raise _too_large("zip")
    except (BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError, NotImplementedError, ValueError) as error:
        raise FileRefused(f"the zip file is damaged, truncated or of an unusual kind: {error}") from None
    return parts


def _is_hidden(member: ZipInfo) -> bool:
    return any(part.startswith((".", "_")) for part in member.filename.split("/"))


_SKIPPED = b"\x2a\x4d\x18"
"""Ends the first word of a frame without data, with which some programs begin a file of Zstandard."""

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _streams("gzip", lambda: zlib.decompressobj(wbits=31)),
    "bzip2": _streams("bzip2", bz2.BZ2Decompressor),
    "xz": _streams("xz", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)),
    "Zstandard": _zstd,
}
