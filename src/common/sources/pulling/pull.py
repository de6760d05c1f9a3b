"""Pulls what a source has into files of a folder: data and position together, by one atomic rename.

A puller knows nothing of Spark. Its position is what lies in the folder: a portion has the same name whenever it is
pulled, so that one that was landed is never landed again. The feed's stream then reads each file once. So "landed once"
and "read once" hold each by itself, and a kill at any moment costs at most the portion that was being written.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common.errors import FeedError
from common.sources.feed import FeedAt, Tell, silent
from common.storage.files import file_lock, sync

_PART = ".part"


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
    """The folder as a puller sees it."""

    folder: Path

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

    def partial(self, name: str) -> Path:
        """A hidden file for what of a portion has been transferred, so that a transfer that was cut can go on."""
        return self.folder / f".{name}.partial"


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
    landed = Landed(Path(at.pulled))
    landed.folder.mkdir(parents=True, exist_ok=True)
    files = 0
    with _alone(landed.folder, at):
        for left in landed.folder.glob(f".*{_PART}"):  # by a pull that was killed; its source may have it no more
            left.unlink()
        for portion in puller.portions(landed):
            land(portion, landed.folder)
            puller.confirm(portion)
            files += 1
            tell(f"{at.name}: {files:,} files pulled, {portion.name}")
    return files


def land(portion: Portion, folder: Path) -> None:
    """Writes a portion under a hidden name, and renames it: it is there whole, or not at all."""
    part = folder / f".{portion.name}{_PART}"
    with part.open("wb") as file:
        for block in portion.content:
            file.write(block)
        file.flush()
        sync(file.fileno())
    if portion.modified_seconds is not None:
        with suppress(OSError):  # a volume may refuse it
            os.utime(part, (portion.modified_seconds, portion.modified_seconds))
    part.rename(folder / portion.name)


@contextmanager
def _alone(folder: Path, at: FeedAt) -> Iterator[None]:
    """One pull of a feed at a time. The lock is the operating system's and goes with its process."""
    with ExitStack() as stack:
        is_alone = True
        with suppress(OSError):  # a volume knows no locks: there a job runs once at a time (max_concurrent_runs)
            is_alone = stack.enter_context(file_lock(folder / ".lock", blocking=False))
        if not is_alone:
            raise FeedError(
                f"the feed {at.name} of the source {at.source} is being pulled by another process; wait for its end"
            )
        yield
