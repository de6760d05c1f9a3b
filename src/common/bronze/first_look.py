"""A look at the first files of a new feed, before a record is written: is it declared as the files are?

What is seen is a guess, so it is a warning, and nothing is kept back.
"""

from itertools import islice
from pathlib import Path

from common.bronze.first_records import look_at, payloads_of
from common.bronze.listing import local_files
from common.settings import Settings
from common.sources.declaration import FileFeed
from common.sources.first_look import warnings_of

FILES, RECORDS = 3, 1000
"""How many files, and how many records of each, are looked at."""


def first_look(feed: FileFeed, settings: Settings) -> str:
    """What the first files of a feed show that its declaration doesn't say; empty where nothing is seen.

    Files that can't be read are left to the stream, which names them.
    """
    paths = list(islice(local_files(feed.folder(settings.landing)), FILES))
    found: dict[str, str] = {}
    for look in look_at(paths, feed.layout, RECORDS * len(paths)):
        for words in warnings_of(payloads_of([look]), feed):
            found.setdefault(words, Path(look.path).name)
    return ". ".join(f"{name}: {words}" for words, name in found.items())
