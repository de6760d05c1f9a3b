"""Where reports lie: a folder, or a prefix of a bucket. A file there is whole or not there."""

import errno
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from common.errors import FeedError, OutputError
from common.settings import Settings
from common.sources.connections import AwsConnection
from common.sources.files.bucket import S3, BucketFolder, bucket_folder
from common.storage.files import write_whole

_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{32}\.part")
"""What `write_whole` leaves of a file when it is killed."""
_SURELY_LEFT_SECONDS = 3600
"""A younger one may be that of another run, which is about to give it its name."""
_REASONS = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the quota is used up: make room",
    errno.EACCES: "no right to it: give the lakehouse's user that right",
    errno.EPERM: "no right to it: give the lakehouse's user that right",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EISDIR: "a folder has that name: move it away",
}


class ReportFolder(Protocol):
    """Files by name. Every method raises an OutputError where the place can't be reached or refuses."""

    def names(self) -> Mapping[str, tuple[int, float]]:
        """What is there, by name: size in bytes and time of change."""

    def read(self, name: str) -> bytes:
        """The content of a file that is there."""

    def write(self, name: str, text: str) -> None:
        """Puts a file there, or another content in its place, whole or not at all."""

    def sweep(self) -> None:
        """Removes what killed runs left half written."""

    def place(self, name: str) -> str:
        """Where a file is, for people."""


class LocalReportFolder:
    """A folder of this machine, or a volume. `is_own`: it is the workspace's, and is made when it is needed."""

    def __init__(self, path: Path, is_own: bool) -> None:
        self._path = path
        self._is_own = is_own

    def names(self) -> Mapping[str, tuple[int, float]]:
        with self._explained("read"):
            if not self._path.is_dir():
                return {}
            found = ((file.name, file.stat()) for file in sorted(self._path.iterdir()) if file.is_file())
            return {name: (stat.st_size, stat.st_mtime) for name, stat in found if not name.startswith(".")}

    def read(self, name: str) -> bytes:
        with self._explained("read"):
            return (self._path / name).read_bytes()

    def write(self, name: str, text: str) -> None:
        if not self._is_own and not self._path.is_dir():
            raise OutputError(f"there is no folder {self._path}: make it, or mount what should be there")
        with self._explained("written"):
            write_whole(self._path / name, text, synced=True)

    def sweep(self) -> None:
        with self._explained("written"):
            for file in self._path.iterdir() if self._path.is_dir() else ():
                if _UNFINISHED.fullmatch(file.name) and self._is_left(file):
                    file.unlink(missing_ok=True)

    def place(self, name: str) -> str:
        return str(self._path / name)

    def _is_left(self, file: Path) -> bool:
        with suppress(FileNotFoundError):
            return time.time() - file.stat().st_mtime > _SURELY_LEFT_SECONDS
        return False

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
            raise OutputError(f"{error.filename or self._path} can't be {done}: {reason}") from None


class BucketReportFolder:
    """A prefix of a bucket: an object is put there as a whole."""

    def __init__(self, folder: BucketFolder) -> None:
        self._folder = folder

    def names(self) -> Mapping[str, tuple[int, float]]:
        with _as_of_an_output():
            return {
                file.path.rpartition("/")[2]: (file.size, file.modified)
                for file in self._folder.files()
                if file.path == self.place(file.path.rpartition("/")[2])
            }

    def read(self, name: str) -> bytes:
        with _as_of_an_output():
            _, file = self._folder.opened(self.place(name))
            with file:
                return file.read()

    def write(self, name: str, text: str) -> None:
        with _as_of_an_output():
            self._folder.put(name, text.encode())

    def sweep(self) -> None:
        pass  # an upload that was broken off is not seen

    def place(self, name: str) -> str:
        return f"{self._folder.path.rstrip('/')}/{name}"


@contextmanager
def _as_of_an_output() -> Iterator[None]:
    try:
        yield
    except FeedError as error:
        raise OutputError(str(error)) from None


def report_folder(folder: str, connection: AwsConnection | None, settings: Settings) -> ReportFolder:
    """The place that a declaration's `folder` names, where `{reports}` is the workspace's folder of reports.

    Raises:
        SecretError: a secret of the connection is not there.
    """
    if folder.startswith(S3):
        return BucketReportFolder(bucket_folder(folder, connection, settings))
    path = Path(folder.replace("{reports}", settings.reports)).expanduser()
    return LocalReportFolder(path, is_own=folder.startswith("{reports}"))
