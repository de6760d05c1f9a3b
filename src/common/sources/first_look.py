"""A look at the first records of a feed: signs that its files are another kind than its declaration says.

Nothing is decided here: what is found are sentences for a person, each with what was seen and the likely option.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from common.sources.declaration import FileFeed
from common.sources.decoding import AUTO
from common.sources.guesses import DELIMITERS, is_data, likely_delimiter, shown
from common.sources.json_files import array_within

_ONE_BYTE = ("cp1252", "latin-1")
_UNREAD_BYTE = re.compile(r"\\x[89a-f][0-9a-f]")
_CONTROLS = re.compile("[\x80-\x9f]")
_REPLACEMENT = "\ufffd"


def warnings_of(payloads: Iterable[str | None], feed: FileFeed) -> list[str]:
    """What the first records of a feed show, a sentence each; nothing where they look as declared.

    `payloads` are those of bronze, or of `parse_file`: JSON objects of records, and whatever else could not be read.
    No value is shown, and no name that looks like one.
    """
    texts = [payload for payload in payloads if payload is not None]
    records = [record for text in texts if (record := _record(text)) is not None]
    found = [*_encoding(texts, records, feed), *_wrapped(texts, records, feed)]
    if feed.format == "csv" and records:
        found += [*_delimiter(records), *_header(records, feed)]
    return found


def _record(text: str) -> dict[str, Any] | None:
    try:
        record = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _delimiter(records: list[dict[str, Any]]) -> Iterator[str]:
    names = list(records[0])
    if len(names) != 1 or (likely := likely_delimiter(names)) is None:
        return
    delimiter, count = likely
    rows = sum(str(value).count(delimiter) == count for record in records for value in record.values())
    if rows * 2 > len(records):
        written = DELIMITERS[delimiter]
        yield (
            f"the records have one field, and in its name are {count} {written}, as in {rows} of {len(records)} "
            f"records (fields would be: {shown(names[0].split(delimiter))}). The likely delimiter is {written}: "
            f"declare `delimiter: {written}`"
        )


def _header(records: list[dict[str, Any]], feed: FileFeed) -> Iterator[str]:
    if feed.columns:
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


def _encoding(texts: list[str], records: list[dict[str, Any]], feed: FileFeed) -> Iterator[str]:
    if feed.format == "parquet":
        return
    if damaged := sum(_REPLACEMENT in text or "\\ufffd" in text.lower() for text in texts):
        yield (
            f"{damaged} of {len(texts)} records hold the replacement character U+FFFD: letters were lost before the "
            "file came here, when it was read in another encoding than it was written in; have it sent again"
        )
    if strange := sum(any(map(_is_utf8_read_otherwise, _texts(record))) for record in records):
        way = "The likely encoding is utf-8: declare `encoding: utf-8`"
        if codecs.lookup("utf-8" if feed.encoding == AUTO else feed.encoding).name.startswith("utf"):
            way = "They were utf-8, read as cp1252 and written again before the file came here; have it sent again"
        yield f"{strange} of {len(texts)} records hold two or three letters, as in Ã¤ or â€™, in place of one. {way}"
    elif controls := sum(any(map(_CONTROLS.search, _texts(record))) for record in records):
        yield (
            f"{controls} of {len(texts)} records hold control characters (U+0080 to U+009F) where quotes and dashes "
            "are usual. The likely encoding is cp1252: declare `encoding: cp1252`"
        )
    if unread := sum(_UNREAD_BYTE.search(text) is not None and _record(text) is None for text in texts):
        yield (
            f"{unread} of {len(texts)} records have bytes that are not {feed.encoding}. The likely encoding is cp1252: "
            "declare `encoding: cp1252`"
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


def _wrapped(texts: list[str], records: list[dict[str, Any]], feed: FileFeed) -> Iterator[str]:
    if feed.format in ("json", "json_lines") and feed.records is None and len(texts) == len(records) == 1:
        path = array_within(texts[0])
        if path is not None and not set(feed.fields) & set(records[0]):
            yield (
                f"the one record holds an array of objects at `{path}`, and no field that is mapped: if these are the "
                f"records, declare `format: json` and `records: {path}`"
            )
