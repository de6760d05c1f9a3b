"""The files of a feed's folder on this machine or in a volume, listed without Spark.

Spark's listing skips empty files, and can't read some names; what it leaves out is found here. The rules for hidden
names are its own.
"""

import glob
import os
import re
from collections.abc import Iterator

UNFINISHED = r"(?i)(/[._][^/]*|[.](tmp|temp|part|partial|filepart|crdownload|inprogress|writing|swp)|~)$"
"""Names of files that are still being written, as a regular expression over their paths."""


def local_files(folder: str) -> Iterator[str]:
    """Paths of the files below a folder, in order, without those that are hidden or still being written.

    Links to folders are followed, each folder is read once. Of an object store, nothing is listed.
    """
    if "://" in folder:
        return
    seen: set[str] = set()
    for root in sorted(glob.glob(folder)):
        for parent, folders, names in os.walk(root, followlinks=True):
            real = os.path.realpath(parent)
            folders[:] = [] if real in seen else sorted(name for name in folders if not is_hidden(name))
            paths = [] if real in seen else [os.path.join(os.path.abspath(parent), name) for name in sorted(names)]
            seen.add(real)
            yield from (path for path in paths if not re.search(UNFINISHED, path))


def is_hidden(folder: str) -> bool:
    """Whether a folder of that name is passed over."""
    return folder.startswith(".") or (folder.startswith("_") and "=" not in folder) or folder.endswith("._COPYING_")


def as_text(path: str) -> str:
    """A path that a table can hold: bytes of a name that are not UTF-8 are written as Python writes them."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
