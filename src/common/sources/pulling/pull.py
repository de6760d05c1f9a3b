"""Pulls what a source has into files of a folder: data and position together, by one atomic rename.

A puller knows nothing of Spark. Its position is what lies in the folder: a portion has the same name whenever it is
pulled, so that one that was landed is never landed again. The feed's stream then reads each file once. So "landed once"
and "read once" hold each by itself, and a kill at any moment costs at most the portion that was being written.

Where two pulls of a feed overlap, the one that began last goes on. A lock keeps them apart where the file system has
locks. Everywhere, a volume of Databricks included, a pull first writes its sign, then sweeps away the unfinished files
of all others, and only then looks at what is landed. Whoever renames a file has looked for its own sign after the file
was written. So an older pull finds another sign, or its file swept away, or has landed before the newer one looked.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from uuid import uuid4

from common.errors import FeedError
from common.sources.feed import FeedAt, Tell, silent
from common.storage.files import file_lock, sync, write_whole

_PART = ".part"
_SIGN = ".pulling"


class NotWritten(FeedError):
    """A file can't be written on this machine: no fault of a server, and no better when it is asked again."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says where this machine failed. A file that is gone is another matter: a newer pull may have swept it away.

    Raises:
        NotWritten: the disk is full, the folder is closed, or the like.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotWritten(
            f"{path} can't be written here ({error.strerror or error}): make room, or have the folder opened to this "
            "user, then run again"
        ) from error


@contextmanager
def opened_here(path: Path, mode: str) -> Iterator[IO[bytes]]:
    """A local file, opened and closed as `writing`: what is left in its buffer is written last."""
    with writing(path):
        file: IO[bytes] = path.open(mode)
    try:
        yield file
    finally:
        with writing(path):
            file.close()


@dataclass(frozen=True)
class Portion:
    """What is landed as one file: its name, without a folder, and its content.

    The name is the same whenever the portion is pulled again, and names sort in the source's order.
    """

    name: str
    content: Iterable[bytes]
    modified_seconds: float | None = None
    """When the source changed it, in seconds since 1970; None where it doesn't say."""


@dataclass(frozen=True)
class Landed:
    """The folder as a puller sees it. `sign` is that of the pull; empty for who only looks.

    `is_locked`: no other pull is at work, as the file system's lock says.
    """

    folder: Path
    sign: str = ""
    is_locked: bool = False

    def check(self) -> None:
        """Checks that no other pull has begun.

        Raises:
            FeedError: one has.
        """
        if self.sign and (self.folder / _SIGN).read_text() != self.sign:
            raise FeedError(
                "another pull of the feed has begun: this one stops. What it landed stays, and the other goes on after "
                "it; have one job pull a feed (max_concurrent_runs: 1)"
            )

    def keep(self, file: Path, text: str, *, synced: bool = False) -> None:
        """Writes a small file of the puller's own, as `write_whole` does.

        Raises:
            FeedError: another pull has begun; the file is as it was.
        """
        write_whole(file, text, synced=synced, check=self.check)

    def has(self, name: str) -> bool:
        """Whether a portion of that name is landed."""
        return (self.folder / name).exists()

    def names(self, prefix: str = "") -> list[str]:
        """The names of all that is landed, sorted."""
        with os.scandir(self.folder) as found:
            names = [entry.name for entry in found]
        return sorted(name for name in names if name.startswith(prefix) and not name.startswith("."))

    def newest(self, prefix: str = "") -> str | None:
        """The last name of those that begin so; None where there is none."""
        names = self.names(prefix)
        return names[-1] if names else None


class Puller(Protocol):
    """What a source has for the lakehouse."""

    def portions(self, landed: Landed) -> Iterator[Portion]:
        """What is new after what is landed, oldest first. A portion is landed before the next one is asked for."""

    def confirm(self, portion: Portion) -> None:
        """The portion is safe: the source may forget it. It may be called again for the same one."""


def pull(puller: Puller, at: FeedAt, tell: Tell = silent) -> int:
    """Lands what a puller has; how many files that were.

    Raises:
        FeedError: another process pulls the feed.
        LakehouseError: the puller's; what was landed before stays.
    """
    folder = Path(at.pulled)
    folder.mkdir(parents=True, exist_ok=True)
    files = 0
    with _alone(folder, at) as is_locked:
        landed = Landed(folder, uuid4().hex, is_locked)
        try:
            write_whole(folder / _SIGN, landed.sign)
            for left in folder.glob(f".*{_PART}"):  # by a pull that was killed; its source may have it no more
                left.unlink(missing_ok=True)
            for portion in puller.portions(landed):
                land(portion, landed)
                puller.confirm(portion)
                files += 1
                tell(f"{at.name}: {files:,} files pulled, {portion.name}")
        except FileNotFoundError:
            landed.check()  # a newer pull sweeps away what this one was writing
            raise
    return files


def land(portion: Portion, landed: Landed) -> None:
    """Writes a portion under a hidden name, and renames it: it is there whole, or not at all.

    Raises:
        FeedError, FileNotFoundError: another pull has begun; nothing is landed.
        NotWritten: this machine fails.
    """
    part = landed.folder / f".{portion.name}.{landed.sign}{_PART}"
    with opened_here(part, "wb") as file:
        for block in portion.content:  # from the server perhaps, whose failures are its own
            with writing(part):
                file.write(block)
        with writing(part):
            file.flush()
        sync(file.fileno())
    if portion.modified_seconds is not None:
        with suppress(OSError):  # a volume may refuse it
            os.utime(part, (portion.modified_seconds, portion.modified_seconds))
    landed.check()
    part.rename(landed.folder / portion.name)


@contextmanager
def _alone(folder: Path, at: FeedAt) -> Iterator[bool]:
    """One pull of a feed at a time; False where there are no locks, as on a volume.

    The lock is the operating system's and goes with its process.
    """
    with ExitStack() as stack:
        has_locks, is_alone = False, True
        with suppress(OSError):
            is_alone = stack.enter_context(file_lock(folder / ".lock", blocking=False))
            has_locks = True
        if not is_alone:
            raise FeedError(
                f"the feed {at.name} of the source {at.source} is being pulled by another process; wait for its end"
            )
        yield has_locks
