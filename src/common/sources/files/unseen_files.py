"""Files that Spark's file sources skip silently, and never look at again: empty ones, and names that are not UTF-8."""

import os
from collections.abc import Iterator

from common.sources.chunks import REFUSED
from common.sources.files.listing import as_text, local_files

EMPTY = f"{REFUSED}the file is empty"
NO_TEXT = f"{REFUSED}its name is not UTF-8; rename it"


Unseen = tuple[str, None, str]
"""source_ref, payload and reason of a file that is refused."""


def unseen(folder: str, before: float) -> Iterator[Unseen]:
    """The files that Spark doesn't see, as refused records: source_ref, payload and reason.

    `before` is a time in seconds since 1970: a file that was touched since then may still be written.
    """
    for path in local_files(folder):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue  # renamed since it was listed, or a link to nowhere
        if status.st_mtime < before:
            if as_text(path) != path:
                yield f"{as_text(path)}#0", None, NO_TEXT
            elif status.st_size == 0:
                yield f"{path}#0", None, EMPTY
