"""A look at the first records of a feed: signs that its files are another kind than its declaration says.

Nothing is decided here: what is found are sentences for a person, each with what was seen and the likely option.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from common.sources.files.decoding import AUTO
from common.sources.files.file_format import FileFormat
from common.sources.files.guesses import DELIMITERS, is_data, likely_delimiter, shown
from common.sources.files.json_files import array_within
from common.storage.field_names import looks_like_a_name

_ONE_BYTE = ("cp1252", "latin-1")
_UNREAD_BYTE = re.compile(r"\\x[89a-f][0-9a-f]")
_CONTROLS = re.compile("[\x80-\x9f]")
_REPLACEMENT = "\ufffd"

_KINDS_OF_QUOTES = (
    (re.compile("'[^']*'"), "between single quotes", 'if nothing else is quoted, declare `quote: "\'"`'),
    (
        re.compile(r'\s+"[^"]*"\s*'),
        "in quotes that have a blank before them",
        "in the map, regexp_replace(FIELD, '^ *\"|\" *$', '') takes them off",
    ),
    (
        re.compile(r'="[^"]*"'),
        'such as ="007", as Excel writes them to keep zeros',
        "in the map, regexp_replace(FIELD, '^=\"|\"$', '') leaves the value",
    ),
)
"""Quotes that are no quotes of the file's dialect, in words, and what to do."""


def warnings_of(payloads: Iterable[str | None], layout: FileFormat) -> list[str]:
    """What the first records of a feed show, a sentence each; nothing where they look as declared.

    `payloads` are those of bronze, or of `parse_file`: JSON objects of records, and whatever else could not be read.
    No value is shown, and no name that looks like one.
    """
    texts = [payload for payload in payloads if payload is not None]
    records = [record for text in texts if (record := _record(text)) is not None]
    found = [*_encoding(texts, records, layout), *_wrapped(texts, records, layout)]
    if layout.format == "csv" and records:
        rows = [record for record in records if not _is_header(record)]
        found += [*_delimiter(records), *_repeated(len(records) - len(rows), records[0], layout)]
        found += [*_header(rows, layout), *_quotes(rows)] if rows else []
    return found


def _record(text: str) -> dict[str, Any] | None:
    try:
        record = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _delimiter(records: list[dict[str, Any]]) -> Iterator[str]:
    names = list(records[0])
    if len(names) != 1:
        return
    values = [str(value) for record in records for value in record.values()]
    if likely := likely_delimiter(names):
        delimiter, count = likely
        rows = sum(value.count(delimiter) == count for value in values)
        if rows * 2 > len(records):
            written = DELIMITERS[delimiter]
            yield (
                f"the records have one field, and in its name are {count} {written}, as in {rows} of {len(records)} "
                f"records (fields would be: {shown(names[0].split(delimiter))}). The likely delimiter is {written}: "
                f"declare `delimiter: {written}`"
            )
            return
    for delimiter, written in DELIMITERS.items():
        [(count, rows)] = Counter(value.count(delimiter) for value in values).most_common(1)
        if count > 1 and rows > 2 and rows * 2 > len(values):
            yield (
                f"the records have one field, with {count} {written} in {rows} of {len(values)}, but not in its name. "
                f"The likely delimiter is {written}: declare `delimiter: {written}`, and `skip_rows` for lines above "
                "the header"
            )
            return


def _is_header(record: dict[str, Any]) -> bool:
    """Whether a record's values are the names of its fields."""
    return bool(record) and all(value == name for name, value in record.items())


def _repeated(count: int, record: dict[str, Any], layout: FileFormat) -> Iterator[str]:
    if not count:
        return
    if layout.columns:
        yield (
            f"{count} records hold the names in `columns`: the files have a header of their own. Declare "
            "`skip_rows: 1`, or leave out `header` and `columns`"
        )
        return
    name = next(iter(record))
    shown_name = f"`{name}`" if looks_like_a_name(name) else "a field"
    yield (
        f"{count} records repeat the header, as files do that were put one after the other; they will be quarantined. "
        f"A `where` leaves them out that compares {shown_name} with its own name, such as `ID <> 'ID'`"
    )


def _quotes(records: list[dict[str, Any]]) -> Iterator[str]:
    for pattern, kind, way in _KINDS_OF_QUOTES:
        held = sum(any(pattern.fullmatch(str(value)) for value in record.values()) for record in records)
        if held * 2 > len(records) > 2:
            yield f"{held} of {len(records)} records hold values {kind}, which are part of them now; {way}"


def _header(records: list[dict[str, Any]], layout: FileFormat) -> Iterator[str]:
    if layout.columns:
        return
    names = [name for name in records[0] if name]
    data = [name for name in names if is_data(name) or any(record.get(name) == name for record in records)]
    if len(data) * 2 > len(names):
        letters = ", ".join(dict.fromkeys(name.strip()[:1] for name in data))
        yield (
            f"{len(data)} of {len(names)} names in the header look like data (numbers, dates, e-mail addresses, or "
            f"values that records have there too); they begin with {letters}. If the files have no header, declare "
            f"`header: false` and `columns: [...]` with {len(names)} names"
        )


def _encoding(texts: list[str], records: list[dict[str, Any]], layout: FileFormat) -> Iterator[str]:
    if layout.format == "parquet":
        return
    if damaged := sum(_REPLACEMENT in text or "\\ufffd" in text.lower() for text in texts):
        yield (
            f"{damaged} of {len(texts)} records hold the replacement character U+FFFD: letters were lost before the "
            "file came here, when it was read in another encoding than it was written in; have it sent again"
        )
    if strange := sum(any(map(_is_utf8_read_otherwise, _texts(record))) for record in records):
        way = "The likely encoding is utf-8: declare `encoding: utf-8`"
        if codecs.lookup("utf-8" if layout.encoding == AUTO else layout.encoding).name.startswith("utf"):
            way = "They were utf-8, read as cp1252 and written again before the file came here; have it sent again"
        yield f"{strange} of {len(texts)} records hold two or three letters, as in Ã¤ or â€™, in place of one. {way}"
    elif controls := sum(any(map(_CONTROLS.search, _texts(record))) for record in records):
        yield (
            f"{controls} of {len(texts)} records hold control characters (U+0080 to U+009F) where quotes and dashes "
            "are usual. The likely encoding is cp1252: declare `encoding: cp1252`"
        )
    if unread := sum(_UNREAD_BYTE.search(text) is not None and _record(text) is None for text in texts):
        yield (
            f"{unread} of {len(texts)} records have bytes that are not {layout.encoding}. The likely encoding is "
            "cp1252: declare `encoding: cp1252`"
        )


def _texts(record: dict[str, Any]) -> list[str]:
    return [*record, *(value for value in record.values() if isinstance(value, str))]


def _is_utf8_read_otherwise(text: str) -> bool:
    """Whether the letters outside ASCII, written as one byte each, are letters in UTF-8."""
    return not text.isascii() and any(_is_utf8(text, encoding) for encoding in _ONE_BYTE)


def _is_utf8(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode("utf-8") != text
    except UnicodeError:
        return False


def _wrapped(texts: list[str], records: list[dict[str, Any]], layout: FileFormat) -> Iterator[str]:
    if layout.format in ("json", "json_lines") and layout.records is None and 0 < len(texts) == len(records):
        path = array_within(texts[0], layout.mapped)
        if path is not None and not any(set(layout.mapped) & set(record) for record in records):
            yield (
                f"{len(records)} of {len(texts)} records hold no field that is mapped, and the first an array of "
                f"objects at `{path}`: if these are the records, declare `format: json` and `records: {path}`"
            )
