"""A file's bytes as text: its encoding and byte order mark; and bytes that are no text are named."""

import codecs
import re

from common.sources.chunks import FileRefused
from common.sources.files.file_format import FileFormat

AUTO = "auto"
_MARK = "\ufeff"
_LATER_MARKS = re.compile(rf"(?<=[\r\n]){_MARK}+")

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_BINARY = {
    b"PAR1": "Parquet",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office file, such as Excel's xls",
    b"SQLite format 3\0": "SQLite",
    b"\x1f\x9d": "packed by compress, as .Z",
}


_TEXTS = {
    b"<?xml": "XML",
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"-----begin pgp": "encrypted by PGP",
    b"version https://git-lfs": "a pointer of Git LFS in place of the file itself",
}
"""Text that is no data of any format that is read, by its beginning in lower case."""


def encoding_of(content: bytes, declared: str) -> str:
    """The declared encoding; for `auto` the one that the file's byte order mark names, else utf-8."""
    return (_marked(content) or "utf-8") if declared == AUTO else declared


def is_ascii_based(encoding: str) -> bool:
    """Whether a line's end is the one byte that it is in ASCII."""
    return "\n".encode(encoding) == b"\n"


def without_mark(content: bytes) -> bytes:
    """The bytes without the mark of UTF-8 at their beginning."""
    while content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
    return content


def text_of(content: bytes, encoding: str) -> str:
    """The text, without a byte order mark, whatever encoding is declared.

    Files that were put one after the other have marks at the beginning of other lines, too; they are left out as well.

    Raises:
        FileRefused: some byte is not of this encoding.
    """
    try:
        if is_ascii_based(encoding):
            text = without_mark(content).decode(encoding)
        else:
            text = content.decode(encoding).lstrip(_MARK)
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else None
        if at is not None and is_ascii_based(encoding):
            at += len(content) - len(without_mark(content))
        byte = "the file" if at is None else f"byte {at}"
        raise FileRefused(
            f"{byte} is not {encoding}; declare the feed's `encoding`{_likely(content, encoding)}, "
            "or have the file sent again"
        ) from None
    return _LATER_MARKS.sub("", text) if _MARK in text else text


def _likely(content: bytes, encoding: str) -> str:
    if (marked := _marked(content)) not in (None, "utf-8"):
        return f" (it begins with the byte order mark of {str(marked).upper()}: `encoding: auto` reads it)"
    if _reads(content, "utf-8"):
        return " (utf-8 reads the file)"
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii", "cp1252"):
        return ""
    if _reads(content, "cp1252"):
        return " (cp1252 reads the file, and is usual)"
    return " (cp1250, that of Central Europe, reads the file)" if _reads(content, "cp1250") else ""


def _reads(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeError:
        return False
    return True


def refuse_other_kinds(content: bytes, layout: FileFormat, wanted: str) -> None:
    """Refuses a file that is not of the format by its first bytes: binary, or text of a kind that is not read.

    Raises:
        FileRefused: the file is binary, XML, a web page or the like, or of an encoding with two or four bytes a letter
            that is not declared.
    """
    head = content[:1024]
    start = without_mark(head).lstrip().lower()
    if other := next((name for beginning, name in _TEXTS.items() if start.startswith(beginning)), None):
        raise FileRefused(f"the file is {other}, not {wanted}")
    magic, kind = next(((magic, f" ({name})") for magic, name in _BINARY.items() if head.startswith(magic)), (b"", ""))
    # A stray NUL damages one record; many are no text, unless it has two bytes a letter. A CSV header may be `ORC`.
    named = kind and (b"\0" in head or layout.format != "csv" or not magic.isalnum())
    if named or (is_ascii_based(layout.encoding) and head.count(0) > max(16, len(head) // 10)):
        raise FileRefused(f"the file is binary{kind}, not {wanted}{'' if kind else _wide(content)}")
    _refuse_narrow(head, layout.encoding)


def _refuse_narrow(head: bytes, encoding: str) -> None:
    """Refuses text whose letters are not as wide, or not in the order, as the declared encoding has them.

    Most such bytes are some letters in UTF-16 and UTF-32 all the same. Delimiters and ends of lines have zeros there.
    """
    if is_ascii_based(encoding) or not encoding.lower().startswith(("utf", "u16", "u32")) or _marked(head):
        return
    if b"\0" not in head and _reads(head[:-4], "ascii"):
        raise FileRefused(f"the file is not {encoding}: its letters have one byte each; declare `encoding: utf-8`")
    likely = _wide(head)
    if likely and codecs.lookup(encoding).name in ("utf-16", "utf-16-le", "utf-16-be"):
        order = likely.rstrip("`")[-2:]
        if order != ("be" if codecs.lookup(encoding).name == "utf-16-be" else "le"):
            raise FileRefused(f"the file is not {encoding}{likely}")


def _marked(content: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)


def _wide(content: bytes) -> str:
    """What to declare for text with two or four bytes a letter; empty where it is no such text."""
    if (marked := _marked(content)) not in (None, "utf-8"):
        return f": it begins with the byte order mark of {str(marked).upper()}; declare `encoding: auto`"
    head = content[:1024]
    half = len(head) // 2
    for encoding, letters, zeros in (("utf-16-le", head[::2], head[1::2]), ("utf-16-be", head[1::2], head[::2])):
        if zeros.count(0) > half * 0.8 and letters.count(0) < half * 0.2:
            return f": it looks like UTF-16 without a byte order mark; declare `encoding: {encoding}`"
    return ""
