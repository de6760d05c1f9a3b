"""A look at the first files of a new feed, before a record is written: is it declared as the files are?

What is seen is a guess, so it is a warning, and nothing is kept back.
"""

import os
from itertools import chain, islice

from common.bronze.listing import as_text, local_files
from common.settings import Settings
from common.sources.declaration import FileFeed
from common.sources.first_look import warnings_of
from common.sources.parsing import FileRefused, parse_file

FILES, RECORDS = 3, 1000
"""How many files, and how many records of each, are looked at."""
MAX_BYTES = 64 * 1024 * 1024
"""A larger file is not looked at."""


def first_look(feed: FileFeed, settings: Settings) -> str:
    """What the first files of a feed show that its declaration doesn't say; empty where nothing is seen.

    Files that can't be read are left to the stream, which names them.
    """
    found: dict[str, str] = {}
    for path in islice(local_files(feed.folder(settings.landing)), FILES):
        try:
            with open(path, "rb") as file:
                content = file.read() if os.stat(path).st_size <= MAX_BYTES else b""
            chunks = parse_file(content, feed.layout)
            records = chain.from_iterable(payloads.to_pylist() for _, payloads, _ in chunks)
            for words in warnings_of(islice(records, RECORDS), feed):
                found.setdefault(words, as_text(os.path.basename(path)))
        except (OSError, FileRefused):
            continue
    return ". ".join(f"{name}: {words}" for words, name in found.items())
