"""A look at the first files of a new feed, before a record is written: is it declared as the files are?

What is seen is a guess, so it is a warning, and nothing is kept back.
"""

import codecs
import json
import os
from itertools import islice

from common.bronze.listing import as_text, local_files
from common.settings import Settings
from common.sources.declaration import FileFeed
from common.sources.delimiters import delimiter_hint
from common.sources.parsing import FileRefused, parse_file
from common.storage.field_names import looks_like_data, shown_names

FILES = 3
"""How many files are looked at."""
MAX_BYTES = 64 * 1024 * 1024
"""A larger file is not looked at."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def first_look(feed: FileFeed, settings: Settings) -> str:
    """What the first files of a feed look like that its declaration doesn't say; empty where nothing is seen."""
    found: dict[str, str] = {}
    for path in islice(local_files(feed.folder(settings.landing)), FILES):
        try:
            if not 0 < os.stat(path).st_size <= MAX_BYTES:
                continue
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue  # it was renamed since it was listed, or can't be opened: the stream reads it, or says so
        for words in seen_in(content, feed):
            found.setdefault(words, as_text(os.path.basename(path)))
    return ". ".join(f"{name}: {words}" for words, name in found.items())


def seen_in(content: bytes, feed: FileFeed) -> list[str]:
    """What a file looks like that the feed's declaration doesn't say."""
    return [words for words in (_seen_in_names(content, feed), _seen_in_bytes(content, feed.encoding)) if words]


def _seen_in_names(content: bytes, feed: FileFeed) -> str:
    if feed.format != "csv":
        return ""
    try:
        _, payloads, _ = next(iter(parse_file(content, feed.layout)))
        record = json.loads(payloads[0].as_py())
    except (FileRefused, StopIteration, ValueError):
        return ""
    if not isinstance(record, dict):
        return ""
    if hint := delimiter_hint(record, feed.delimiter):
        return f"its records have {shown_names(record)}; {hint}"
    if looks_like_data(record):
        return f"its header looks like a record, not like names: {shown_names(record)}"
    return ""


def _seen_in_bytes(content: bytes, encoding: str) -> str:
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return ""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _another_encoding(content) if is_utf8 else ""
    if not is_utf8 and encoding.isascii() and not text.isascii() and _is_one_byte_a_letter(encoding):
        return f"its text is UTF-8, not {encoding}; leave out `encoding`"
    if is_utf8 and _REPLACEMENT in text:
        return f"it has replacement characters ({_REPLACEMENT}): letters were lost before it was sent"
    return ""


def _another_encoding(content: bytes) -> str:
    if content[:1].isascii() and b"\0" not in content:  # text, not a packed file
        return "its text is not UTF-8, and likely cp1252; `encoding: cp1252` declares it"
    return ""


def _is_one_byte_a_letter(encoding: str) -> bool:
    return len("\n\n".encode(encoding)) == len("\n\n")
