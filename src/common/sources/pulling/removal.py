"""What is taken out of landed files, once bronze has it: a person's records, and what is old."""

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from common.sources.pulling.pull import Landed, Portion, land


def forget_lines(folder: Path, references: Collection[str]) -> int:
    """Writes the landed files again without the lines of these references; how many lines that were.

    A file keeps its name, as the position is in it, and its stream doesn't read it again. It may be empty then.
    """
    if not references or not folder.is_dir():
        return 0
    removed = 0
    for name in Landed(folder).names():
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if json.loads(line)["ref"] not in references]
        if len(kept) < len(lines):
            land(Portion(name, kept), Landed(folder))
            removed += len(lines) - len(kept)
    return removed


def remove_old(folder: Path, names: Iterable[str], before: float) -> int:
    """Removes those of the files that were landed before a time (seconds since 1970); how many that were."""
    removed = 0
    for name in names:
        with suppress(FileNotFoundError):
            status = (folder / name).stat()
            # A file may carry the source's time of change; when it was renamed is the other one.
            if max(status.st_mtime, status.st_ctime) < before:
                (folder / name).unlink()
                removed += 1
    return removed
