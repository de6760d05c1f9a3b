"""Where the files of a feed are: a folder of this machine or of a volume. `bucket.BucketFolder` is the other one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from common.sources.files.first_records import files_of, on_disk
from common.sources.files.unseen_files import Unseen, unseen


class Folder(Protocol):
    """A folder as feeds see it, without Spark, and how Spark reaches it."""

    def paths(self) -> Sequence[str]:
        """The paths of its files, in order, without those that are hidden or still being written."""

    def opened(self, path: str) -> tuple[int, BinaryIO]:
        """The size of a file in bytes, and the file."""

    def unseen(self, before: float) -> Iterable[Unseen]:
        """The files that Spark skips silently, as refused records; of those that were touched since a time, none."""

    @property
    def for_spark(self) -> str:
        """The path by which Spark knows it."""

    @property
    def spark_options(self) -> Mapping[str, str]:
        """What Spark must know to reach it, beside what the platform says."""


@dataclass(frozen=True)
class DiskFolder:
    """A folder of this machine or of a volume; or of a store that the platform reads by itself, and nothing here."""

    path: str

    def paths(self) -> Sequence[str]:
        """The paths of its files, in order."""
        return files_of(self.path)

    def opened(self, path: str) -> tuple[int, BinaryIO]:
        """The size of a file in bytes, and the file.

        Raises:
            OSError: it can't be opened.
        """
        return on_disk(path)

    def unseen(self, before: float) -> Iterable[Unseen]:
        """Empty files, and names that are not UTF-8."""
        return unseen(self.path, before)

    @property
    def for_spark(self) -> str:
        """The path itself."""
        return self.path

    @property
    def spark_options(self) -> Mapping[str, str]:
        """Nothing."""
        return {}
