"""Small files beside the checkpoints, written whole or not at all, and locks."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


def write_whole(file: Path, text: str, *, synced: bool = False, check: Callable[[], None] = lambda: None) -> None:
    """Writes a file so that a reader sees the old content or the new one, whenever this process is killed.

    `synced`: the machine itself may fail, too, as where something else is forgotten once the file is written. `check`
    is called just before the new content is seen; where it raises, the file stays as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{uuid4().hex}.part")
    try:
        with scratch.open("w", encoding="utf-8") as opened:
            opened.write(text)
            if synced:
                opened.flush()
                sync(opened.fileno())
        check()
        scratch.replace(file)
    except Exception:
        scratch.unlink(missing_ok=True)
        raise


def sync(descriptor: int) -> None:
    """Has what was written to an open file kept, whatever happens to the machine."""
    with suppress(OSError):  # volumes of Databricks keep what is closed, and may refuse this
        os.fsync(descriptor)


@contextmanager
def file_lock(path: Path, blocking: bool = True) -> Iterator[bool]:
    """Holds an advisory lock on a file; gives False when it is taken and `blocking` is off.

    The operating system drops the lock with the process that holds it, however that ends.

    Raises:
        OSError: the file system knows no locks, as a volume of Databricks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
