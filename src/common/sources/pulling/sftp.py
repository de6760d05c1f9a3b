"""Pulls files of an SFTP server: every version of a file once, when it is whole.

What is landed is the position: a landed file's name has a digest of the server's path, size and time of change. A file
with another size or time is another version, and both are kept. The names are noted beside the files as well, so that a
copy may be removed and doesn't come again.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from posixpath import basename
from tempfile import TemporaryDirectory

from common.errors import FeedError
from common.sources.feed import Tell, silent
from common.sources.files.listing import UNFINISHED, is_hidden_folder
from common.sources.pulling.pull import Landed, NotWritten, Portion
from common.sources.pulling.retries import words_of
from common.sources.pulling.sftp_server import RemoteFile, SftpServer

NAME_BYTES = 160
"""A file's name has at most 255 bytes; time, digest and what marks an unfinished one come to it."""
BLOCK_BYTES = 1024**2
MOST_BROKEN = 3
"""A pull ends where the connection breaks at more files than these: each of them took all the attempts."""


def landed_name(file: RemoteFile) -> str:
    """The name of a landed version, such as `20250131T235959Z.1a2b3c4d5e6f.out__a.csv` for `/out/a.csv`."""
    version = f"{file.path}|{file.size}|{file.modified_seconds}"
    digest = hashlib.sha256(version.encode()).hexdigest()[:12]
    changed = datetime.fromtimestamp(file.modified_seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
    # Signs that folders, patterns and URLs give a meaning to would make the name another one on its way.
    readable = re.sub(r"[^\w.=+@,() -]", "_", file.path.strip("/").replace("/", "__"))
    kept = readable.encode()[-NAME_BYTES:].decode("utf-8", "ignore")
    return f"{changed}.{digest}.{kept}"


@dataclass(frozen=True)
class Selection:
    """Which files are pulled, and how it is known that they are whole.

    Either a file doesn't change for `quiet`, or a file beside it, of its name and `marker`, says that it is whole.
    """

    path: str
    pattern: str
    quiet: timedelta
    marker: str | None = None

    def takes(self, path: str) -> bool:
        """Whether a file is one of the feed, by its name. Names that senders give to unfinished ones aren't."""
        is_marker = self.marker is not None and path.endswith(self.marker)
        return fnmatchcase(basename(path), self.pattern) and not is_marker and not re.search(UNFINISHED, path)

    def marked(self, files: Iterable[RemoteFile]) -> list[RemoteFile]:
        """The files that are the feed's and, where there must be one, have a marker that is no older than they are."""
        times = {file.path: file.modified_seconds for file in files}
        return sorted(
            file
            for file in files
            if self.takes(file.path)
            and (self.marker is None or times.get(file.path + self.marker, -1) >= file.modified_seconds)
        )


@dataclass
class SftpPuller:
    """Pulls what a selection takes from a server."""

    server: SftpServer
    selection: Selection
    tell: Tell = silent
    _partial: Path | None = field(default=None, repr=False)

    def portions(self, landed: Landed) -> Iterator[Portion]:
        """Every version that is not landed, oldest first; those that the last pull failed at come last.

        Raises:
            FeedError: the server can't be reached or refuses; at the end, where it refuses some files only.
        """
        try:
            yield from self._portions(landed)
        finally:
            self.server.close()

    def confirm(self, portion: Portion) -> None:
        """Forgets what was kept to resume its transfer."""
        del portion
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)

    def _portions(self, landed: Landed) -> Iterator[Portion]:
        files, closed = self.listed()
        pulled = _pulled(landed)
        there = {landed_name(file) for file in files}
        _note(landed, pulled if closed else pulled & there)
        new = [file for file in self.selection.marked(files) if landed_name(file) not in pulled]
        before = _lines(_last(landed))
        new.sort(key=lambda file: file.path in before)
        failed: dict[str, str] = {}
        try:
            with _transfers(landed) as folder:
                _forget_others(folder, new)
                yield from self._transferred(self._whole(new), folder, closed, failed)
        finally:
            if failed or before:
                landed.keep(_last(landed), "".join(f"{path}\n" for path in sorted(failed)))
        _note(landed, _pulled(landed))
        if words := [*_closed(closed), *_failed(failed)]:
            raise FeedError(f"{self.server.address}: {'; '.join(words)}; all others are pulled, these are tried again")

    def _transferred(
        self, files: Iterable[RemoteFile], folder: Path, closed: list[str], failed: dict[str, str]
    ) -> Iterator[Portion]:
        """The files, transferred into a folder; those that can't be had are added to `closed` or `failed`."""
        broken = 0
        for file in files:
            self._partial = _partial(folder, landed_name(file))
            try:
                self.server.fetch(file, self._partial)
                is_same = self.server.version(file.path) == file and self._partial.stat().st_size == file.size
            except FileNotFoundError:
                is_same = False  # taken away meanwhile
            except PermissionError:
                closed.append(file.path)
                continue
            except NotWritten:
                raise
            except (OSError, FeedError) as error:
                others = [*_closed(closed), *_failed(failed)]
                failed[file.path] = words_of(error)
                # The connection breaks at this file each time: others may be whole. A server that is away has none.
                broken += isinstance(error, FeedError)
                if isinstance(error, FeedError) and (broken > MOST_BROKEN or not self.server.answers()):
                    raise FeedError("; ".join([str(error), *others])) from error
                self.tell(f"{self.server.address} can't give {file.path}: {failed[file.path]}; it is left")
                continue
            if is_same:
                yield Portion(landed_name(file), _blocks(self._partial), file.modified_seconds)
            else:
                self._partial.unlink(missing_ok=True)
                self.tell(f"{file.path} of {self.server.address} changes: it is left for the next pull")

    def listed(self) -> tuple[list[RemoteFile], list[str]]:
        """All files of the folder, and folders that are closed to the user."""
        return self.server.files(self.selection.path, lambda folder: not is_hidden_folder(basename(folder)))

    def _whole(self, new: list[RemoteFile]) -> list[RemoteFile]:
        """Those that are not being written. A server's clock may be wrong: they are looked at twice."""
        if not new or self.selection.marker is not None or not self.selection.quiet:
            return new
        time.sleep(self.selection.quiet.total_seconds())
        again = set(self.listed()[0])
        whole = [file for file in new if file in again]
        if len(whole) < len(new):
            self.tell(f"{self.server.address}: {len(new) - len(whole):,} files are still being written; they are left")
        return whole


@contextmanager
def _transfers(landed: Landed) -> Iterator[Path]:
    """Where files are transferred to: beside the landed ones, so that the next pull goes on where this one ends.

    A volume takes no appends, and has no locks to keep two pulls apart: there it is a temporary folder of this machine,
    and the next pull begins a file again.
    """
    if landed.is_locked and _takes_appends(landed.folder):
        yield landed.folder
        return
    with TemporaryDirectory(prefix="lakehouse-sftp-") as folder:
        yield Path(folder)


def _takes_appends(folder: Path) -> bool:
    probe = _partial(folder, "probe")
    try:
        for _ in range(2):
            with probe.open("ab") as file:
                file.write(b"x")
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def _partial(folder: Path, name: str) -> Path:
    """A hidden file for what of a file has been transferred."""
    return folder / f".{name}.partial"


def _forget_others(folder: Path, new: list[RemoteFile]) -> None:
    """Removes what was transferred of versions that are landed, or not there any more."""
    wanted = {_partial(folder, landed_name(file)) for file in new}
    for path in folder.glob(".*.partial"):
        if path not in wanted:
            path.unlink()


def _closed(paths: list[str]) -> list[str]:
    return [f"the user may not read {_first(paths)}"] if paths else []


def _failed(reasons: dict[str, str]) -> list[str]:
    """Files that the server can't give, with the first one's reason."""
    return [f"it can't give {_first(list(reasons))} ({next(iter(reasons.values()))})"] if reasons else []


def _first(paths: list[str]) -> str:
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return f"{', '.join(paths[:3])}{more}"


def _pulled(landed: Landed) -> set[str]:
    """The names of all versions that were landed, whether their copies are there still or were removed by a person."""
    return set(landed.names()) | _lines(_notes(landed))


def _note(landed: Landed, names: set[str]) -> None:
    landed.keep(_notes(landed), "".join(f"{name}\n" for name in sorted(names)))


def _notes(landed: Landed) -> Path:
    return landed.folder / ".pulled"


def _last(landed: Landed) -> Path:
    """The note of the files that the last pull failed at: they hold up no others."""
    return landed.folder / ".failed"


def _lines(file: Path) -> set[str]:
    return set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
