"""A look at the first files of a new feed, before a record is written: is it declared as the files are?

What is seen is a guess, so it is a warning, and nothing is kept back.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from common.sources.files.file_format import FileFormat
from common.sources.files.first_look import warnings_of
from common.sources.files.first_records import Opened, look_at, on_disk, payloads_of
from common.sources.files.listing import local_files

FILES, RECORDS = 3, 1000
"""How many files, and how many records of each, are looked at."""


def first_look(folder: str, layout: FileFormat) -> str:
    """What the first files of a folder show that their declaration doesn't say; empty where nothing is seen.

    Files that can't be read are left to the stream, which names them.
    """
    return first_look_at(list(islice(local_files(folder), FILES)), layout)


def first_look_at(paths: Sequence[str], layout: FileFormat, opened: Opened = on_disk) -> str:
    """What the first FILES of these show; `opened` opens a file."""
    paths = paths[:FILES]
    found: dict[str, str] = {}
    for look in look_at(paths, layout, RECORDS * len(paths), opened):
        for words in warnings_of(payloads_of([look]), layout):
            found.setdefault(words, Path(look.path).name)
    return ". ".join(f"{name}: {words}" for words, name in found.items())
