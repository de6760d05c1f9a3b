"""A look at the first files of a new feed, before a record is written: is it declared as the files are?

What is seen is a guess, so it is a warning, and nothing is kept back.
"""

from pathlib import Path

from common.sources.files.file_format import FileFormat
from common.sources.files.first_records import look_at, payloads_of
from common.sources.files.folder import Folder
from common.sources.files.signs import warnings_of

FILES, RECORDS = 3, 1000
"""How many files, and how many records of each, are looked at."""


def first_look(folder: Folder, layout: FileFormat) -> str:
    """What the first files of a folder show that their declaration doesn't say; empty where nothing is seen.

    Files that can't be read are left to the stream, which names them.
    """
    paths = folder.paths()[:FILES]
    found: dict[str, str] = {}
    for look in look_at(paths, layout, RECORDS * len(paths), folder.opened):
        for words in warnings_of(payloads_of([look]), layout):
            found.setdefault(words, Path(look.path).name)
    return ". ".join(f"{name}: {words}" for words, name in found.items())
