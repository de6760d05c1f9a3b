"""How files are written: format, delimiter, header and encoding, guessed from what the first of them holds."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from common.sources.files.decoding import AUTO, encoding_of
from common.sources.files.first_records import FileLook, head, look_at
from common.sources.files.guesses import DELIMITERS, are_mostly_data
from common.sources.files.json_files import array_within
from common.sources.files.parsing import FileFormat, FileRefused
from common.sources.files.unpack import unpacked

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class FormatGuess:
    """A layout that reads a file, and what was seen that a person should check."""

    layout: FileFormat
    notes: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, object]:
        """The options that aren't the default ones, as a feed declares them."""
        usual = FileFormat(self.layout.format)
        given = {one.name: getattr(self.layout, one.name) for one in fields(FileFormat) if one.name != "mapped"}
        options = {name: value for name, value in given.items() if value != getattr(usual, name)}
        if "columns" in options:
            options = {"header": False} | options | {"columns": list(self.layout.columns)}
        return options


def guess_format(paths: Sequence[str]) -> tuple[FormatGuess, list[FileLook]]:
    """How the first file that can be read is written, and the first records of all files, read in that way.

    Raises:
        FileRefused: no file can be read; the message has the first one's reason.
    """
    refusal = "there are no files in it"
    for path in paths:
        guess, why = _guess(path)
        if guess is not None:
            return guess, look_at(paths, guess.layout)
        refusal = refusal if path != paths[0] else why
    raise FileRefused(refusal)


def _guess(path: str) -> tuple[FormatGuess | None, str]:
    """A layout for one file, or why there is none."""
    try:
        content, _ = head(path, FileFormat("csv"))
        part = next((inner for _, inner in unpacked(content) if inner), b"")
    except (FileRefused, OSError) as problem:
        return None, str(problem)
    why = ""
    for layout in _layouts(part):
        (look,) = look_at([path], layout)
        readable = sum(record.error is None for record in look.records)
        if readable * 2 > len(look.records):
            return _refined(path, FormatGuess(layout), look), ""
        why = why or look.refusal or "its records can't be read"
    return None, why or "it holds nothing"


def _layouts(content: bytes) -> Iterator[FileFormat]:
    """The layouts that a file may have by its first bytes, the likeliest first."""
    if not content:
        return
    if content.startswith(_PARQUET):
        yield FileFormat("parquet")
        return
    encoding = _encoding(content)
    text = content[: 1 << 20].decode(encoding_of(content, encoding), "replace")
    begins = text.lstrip("\ufeff \t\r\n")[:1]
    if begins == "[":
        yield FileFormat("json_array", encoding=encoding)
    if begins == "{":
        records = array_within(text.lstrip("\ufeff"))
        yield FileFormat("json_lines", encoding=encoding)
        yield FileFormat("json", encoding=encoding)
        if records:
            yield FileFormat("json", encoding=encoding, records=records)
        return
    yield from _csv_layouts(text, encoding)


def _csv_layouts(text: str, encoding: str) -> Iterator[FileFormat]:
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if lines and lines[0].lower().startswith("sep="):
        yield FileFormat("csv", encoding=encoding)
        return
    # Most fields in the likely header; of equal ones the comma, which is the default.
    header = lines[0] if lines else ""
    ranked = sorted(
        DELIMITERS, key=lambda sign: (-min([header.count(sign), *(x.count(sign) for x in lines[1:3])]), sign)
    )
    for sign in ranked:
        if sign in header or sign == ",":
            yield FileFormat("csv", delimiter=None if sign == "," else sign, encoding=encoding)


def _encoding(content: bytes) -> str:
    if encoding_of(content, AUTO) != "utf-8":
        return AUTO
    try:
        content[: content.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _refined(path: str, guess: FormatGuess, look: FileLook) -> FormatGuess:
    """The guess with columns where the header looks like data, or with the records' path where they are wrapped."""
    layout, notes = guess.layout, []
    if layout.encoding == "cp1252":
        notes.append("the encoding is a guess: the files aren't UTF-8")
    records = [json.loads(record.payload or "null") for record in look.records if record.error is None]
    if layout.format == "csv" and records and are_mostly_data(list(records[0])):
        columns = tuple(f"field_{number}" for number in range(1, len(records[0]) + 1))
        layout = replace(layout, columns=columns)
        notes.append("the files seem to have no header: give the fields their names in `columns`")
    if layout.format in ("json_lines", "json") and layout.records is None and len(look.records) == 1:
        wrapped = array_within(look.records[0].payload or "")
        if wrapped:
            layout = replace(layout, format="json", records=wrapped)
            notes.append(f"the records are taken from the array `{wrapped}`")
    return FormatGuess(layout, tuple(notes))
