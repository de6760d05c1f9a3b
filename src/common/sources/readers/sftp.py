"""`reader: sftp`: files of an SFTP server. Spark has no stream of them: they are landed first, each version once."""

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.errors import DeclarationError
from common.sources.connections import SftpConnection, Text
from common.sources.duration import Duration
from common.sources.feed import FeedAt, Sight, Sights, Tell, silent
from common.sources.files.feed_of_files import DeclaredFiles, FolderFeed
from common.sources.files.first_look import FILES
from common.sources.files.first_records import HEAD_BYTES, WHOLE_BYTES, FileLook, look_at, payloads_of
from common.sources.files.signs import warnings_of
from common.sources.pulling.pull import Landed
from common.sources.pulling.pulled_feed import PulledFeed
from common.sources.pulling.sftp import Selection, SftpPuller, landed_name
from common.sources.pulling.sftp_server import RemoteFile, SftpServer, host_key


class Ready(BaseModel):
    """How it is known that a file is whole: it doesn't change for `quiet`, or NAME and `marker` is there beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quiet: Duration | None = None
    marker: Annotated[str, Field(pattern=r"^\.[^/]+$")] | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> "Ready":
        if (self.quiet is None) == (self.marker is None):
            raise ValueError("write one of `quiet: 30 seconds` and `marker: .done`")
        return self


class SftpFeed(DeclaredFiles, PulledFeed):
    """A feed of the files below `path` on a server whose names are as `pattern` says."""

    reader: Literal["sftp"]
    connection: Text
    path: Text
    pattern: Text = "*"
    ready: Ready = Ready(quiet=timedelta(seconds=30))

    connects_to: ClassVar[str | None] = "sftp"

    @property
    def selection(self) -> Selection:
        """Which files are pulled, and when."""
        quiet = self.ready.quiet or timedelta(0)
        return Selection(posixpath.normpath(self.path), self.pattern, quiet, self.ready.marker)

    def place(self, at: FeedAt) -> str:
        """The folder and pattern on the server."""
        return f"{posixpath.join(self.path, self.pattern)} of {self._server(at).address}"

    def check(self, at: FeedAt) -> None:
        """Checks that the connection has what a login needs; whether it works, the pull says."""
        super().check(at)
        self._check_login(at)

    def _check_login(self, at: FeedAt) -> None:
        option, connection = self._server(at).option, self._server(at).connection
        host_key(connection, option)
        if connection.key is None and connection.password is None:
            raise DeclarationError(f"{option}: there is no way to log in; name the secret of a `key` or a `password`")

    def puller(self, at: FeedAt, tell: Tell = silent) -> SftpPuller:
        """Who pulls; `tell` is told of what is tried again, and of files that are left."""
        self._check_login(at)
        return SftpPuller(self._server(at, tell), self.selection, tell)

    def first_look(self, at: FeedAt) -> str:
        """What the first files show: they are as the sender made them."""
        return FolderFeed.first_look(self, at)

    def look(self, at: FeedAt) -> Sights:
        """What is on the server, what of it is pulled already, and the first records of the oldest files."""
        puller = self.puller(at)
        server, selection = puller.server, puller.selection
        try:
            files, closed = puller.listed()
            mine = sorted(file for file in files if selection.takes(file.path))
            marked = selection.marked(files)
            folder = Path(at.pulled)
            landed = set(Landed(folder).names()) if folder.is_dir() else set[str]()
            pulled = sum(landed_name(file) in landed for file in mine)
            none = f"nothing there is named {self.pattern}: check {at.option('pattern')}"
            things = [
                Sight(server.address, "it has the declared host key, and accepts the login"),
                Sight(self.path, f"{len(mine):,} files, {pulled:,} of them pulled already", "" if mine else none),
                *(Sight(path, "closed", "the user may not read this folder: ask the operator") for path in closed),
            ]
            if waiting := len(mine) - len(marked):
                words = f"they are pulled when NAME{self.ready.marker} is there, and no older than its file"
                things.append(Sight(f"{waiting:,} files", "without a marker", words))
            looks = self._looks(server, marked[:FILES])
        finally:
            server.close()
        return Sights(things, looks, len(mine), warnings_of(payloads_of(looks), self.layout))

    def _looks(self, server: SftpServer, files: Sequence[RemoteFile]) -> list[FileLook]:
        """The first records of files, under their names on the server. Of a large file its beginning is fetched."""
        looks: list[FileLook] = []
        with TemporaryDirectory() as folder:
            for number, file in enumerate(files):
                path = Path(folder) / str(number)
                try:
                    server.fetch(file, path, HEAD_BYTES if file.size > WHOLE_BYTES else None)
                except OSError as problem:
                    looks.append(FileLook(file.path, refusal=str(problem)))
                    continue
                with path.open("ab") as local:
                    local.truncate(file.size)  # the rest of a large file is not read
                looks += [_renamed(look, file.path) for look in look_at([str(path)], self.layout)]
        return looks

    def _server(self, at: FeedAt, tell: Tell = silent) -> SftpServer:
        assert isinstance(at.connection, SftpConnection)
        return SftpServer(at.connection, at.connection_option, at.settings, tell)


def _renamed(look: FileLook, path: str) -> FileLook:
    return replace(look, path=path, records=tuple(replace(record, path=path) for record in look.records))
