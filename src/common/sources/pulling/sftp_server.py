"""An SFTP server: known by its host key, listed and read over one connection, which is opened again after a cut."""

import base64
import binascii
import io
import logging
import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from common.errors import DeclarationError, FeedError
from common.settings import Settings
from common.sources.clients import client
from common.sources.connections import SftpConnection, pem_of, value_of
from common.sources.feed import Tell, silent
from common.sources.pulling.pull import opened_here, writing
from common.sources.pulling.retries import patiently

CONNECT_SECONDS, ANSWER_SECONDS, ALIVE_SECONDS = 15, 60, 15
"""How long a connection may take, and an answer; and how often an idle connection shows that it is alive."""
WINDOW_BYTES = 2 * 1024**2
"""So much of a file is asked for at once: a line's delay is waited for once a window."""

Result = TypeVar("Result")


@dataclass(frozen=True, order=True)
class RemoteFile:
    """A version of a file on a server. `modified_seconds` are since 1970; servers know whole seconds."""

    modified_seconds: int
    path: str
    size: int


@dataclass
class SftpServer:
    """The server of a connection; `option` is where that is declared, for messages.

    Close it after use. What fails and may pass is tried again, and `tell` is told.
    """

    connection: SftpConnection
    option: str
    settings: Settings
    tell: Tell = silent
    _client: Any = field(default=None, repr=False)
    _sftp: Any = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{value_of(self.connection.host, self.settings)}:{self.connection.port}"

    def close(self) -> None:
        """Ends the connection."""
        client_, self._client, self._sftp = self._client, None, None
        if client_ is not None:
            client_.close()

    def files(self, folder: str, goes_into: Callable[[str], bool]) -> tuple[list[RemoteFile], list[str]]:
        """The files below a folder, and the folders that the user may not read. Links are followed to files only.

        Raises:
            FeedError: there is no such folder, the user may not read it, or the server fails.
        """
        found: list[RemoteFile] = []
        closed: list[str] = []
        todo = [folder]
        while todo:
            parent = todo.pop()
            try:
                entries = self._list(parent)
            except FileNotFoundError:
                if parent == folder:
                    raise FeedError(f"{self.address} has no folder {folder}") from None
                continue  # it was removed since its parent was listed
            except PermissionError:
                if parent == folder:
                    raise FeedError(f"{self.address}: the user {self._user} may not read the folder {folder}") from None
                closed.append(parent)
                continue
            for path, attributes in entries:
                mode = attributes.st_mode or stat.S_IFREG
                if stat.S_ISDIR(mode):
                    todo += [path] if goes_into(path) else []
                elif stat.S_ISREG(mode):
                    found.append(_version(path, attributes))
                elif stat.S_ISLNK(mode):
                    found += self._behind(path)
        return found, closed

    def version(self, path: str) -> RemoteFile:
        """The file as it is now.

        Raises:
            OSError: it is not there, or may not be looked at.
            FeedError: the server fails.
        """
        return self._try(f"looking at {path}", lambda sftp: _version(path, sftp.stat(path)))

    def fetch(self, file: RemoteFile, into: Path, most: int | None = None) -> None:
        """Adds to a local file what it lacks of the server's, or of its first `most` bytes. A cut costs what was cut.

        Raises:
            OSError: the file is not there, may not be read, or the server answers that it can't give it.
            FeedError: the server fails.
            NotWritten: the local file can't be written.
        """
        self._try(f"reading {file.path}", lambda sftp: self._go_on(sftp, file, into, most or file.size))

    def answers(self) -> bool:
        """Whether the server answers now; it is asked once."""
        try:
            self._connected().stat(".")
        except Exception:
            self.close()
            return False
        return True

    def _go_on(self, sftp: Any, file: RemoteFile, into: Path, end: int) -> None:
        with opened_here(into, "ab") as local, sftp.open(file.path, "rb") as remote:
            done = local.tell()
            if done:
                self.tell(f"{self.address}: reading {file.path} goes on at {done:,} of {file.size:,} bytes")
            while done < end:
                block = _window(remote, done, min(WINDOW_BYTES, end - done))
                if not block:
                    return  # it was cut short meanwhile: its size says so
                with writing(into):
                    local.write(block)
                done += len(block)

    def _list(self, folder: str) -> Iterator[tuple[str, Any]]:
        try:
            entries = self._try(f"listing {folder}", lambda sftp: sftp.listdir_attr(folder))
        except UnicodeDecodeError as error:
            raise FeedError(
                f"{self.address}: a name in {folder} is not UTF-8: {error.object!r}. Have it renamed there"
            ) from None
        return ((posixpath.join(folder, entry.filename), entry) for entry in entries)

    def _behind(self, link: str) -> list[RemoteFile]:
        with suppress(FileNotFoundError, PermissionError):
            attributes = self._try(f"looking at {link}", lambda sftp: sftp.stat(link))
            return [_version(link, attributes)] if stat.S_ISREG(attributes.st_mode or 0) else []
        return []

    def _try(self, doing: str, step: Callable[[Any], Result]) -> Result:
        def attempt() -> Result:
            try:
                return step(self._connected())
            except BaseException as error:
                if not _is_answer(error):
                    self.close()
                raise

        return patiently(attempt, f"{self.address}, {doing}", _may_pass, self.tell, "sftp")

    def _connected(self) -> Any:
        if self._sftp is None:
            paramiko = client("paramiko", "sftp")
            logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it logs is raised too, and told
            self._client = paramiko.SSHClient()  # refuses every host key that it doesn't know
            self._open(paramiko)
            self._sftp = self._client.open_sftp()
            self._sftp.get_channel().settimeout(ANSWER_SECONDS)
        return self._sftp

    def _open(self, paramiko: Any) -> None:
        host, port, given = value_of(self.connection.host, self.settings), self.connection.port, self.connection
        kind, key = host_key(given, self.option)
        known = paramiko.PKey.from_type_string(kind, key)
        self._client.get_host_keys().add(host if port == paramiko.client.SSH_PORT else f"[{host}]:{port}", kind, known)
        try:
            self._client.connect(
                host,
                port,
                self._user,
                password=given.password.value(self.settings) if given.password else None,
                pkey=self._key(paramiko),
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
                channel_timeout=CONNECT_SECONDS,
                look_for_keys=False,
                allow_agent=False,
            )
        except paramiko.BadHostKeyException as error:
            raise FeedError(
                f"{self.address} is not the server that is declared: its host key is {error.key.fingerprint}, that of "
                f"{self.option}.host_key {known.fingerprint}. Nothing was sent to it. If its operator confirms the new "
                "key, write that"
            ) from None
        except paramiko.AuthenticationException as error:
            if any(words in str(error).lower() for words in ("shut down", "timeout")):  # it never answered
                raise EOFError from error
            secrets = " or ".join(repr(one.secret) for one in (given.key, given.password) if one)
            raise FeedError(
                f"{self.address} refuses the login of {self._user} ({error}): check {self.option}.user, and the secret "
                f"{secrets}"
            ) from None
        self._client.get_transport().set_keepalive(ALIVE_SECONDS)

    @property
    def _user(self) -> str:
        return value_of(self.connection.user, self.settings)

    def _key(self, paramiko: Any) -> Any:
        if self.connection.key is None:
            return None
        text = pem_of(self.connection.key, self.settings)
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            with suppress(paramiko.SSHException, ValueError):
                return kind.from_private_key(io.StringIO(text if text.endswith("\n") else f"{text}\n"))
        raise DeclarationError(
            f"{self.option}.key: the secret {self.connection.key.secret!r} is no private key that can be read: it must "
            "be the text of an Ed25519, ECDSA or RSA key without a passphrase"
        )


def host_key(connection: SftpConnection, option: str) -> tuple[str, bytes]:
    """The declared host key: its type, and its bytes.

    Raises:
        DeclarationError: it is none.
    """
    kind, _, rest = connection.host_key.strip().partition(" ")
    with suppress(binascii.Error):
        key = base64.b64decode(rest.split(" ")[0], validate=True)
        if key[4:].startswith(kind.encode()) and int.from_bytes(key[:4]) == len(kind):
            return kind, key
    raise DeclarationError(
        f"{option}.host_key: {connection.host_key!r} is no host key: write its type and the key, such as "
        "`ssh-ed25519 AAAAC3Nz...`, as `ssh-keyscan HOST` shows them; then compare its fingerprint with the operator's"
    )


def _window(remote: Any, begin: int, size: int) -> bytes:
    """A part of a file. What one answer can't hold is asked for in many, before any of them is waited for."""
    if size <= remote.MAX_REQUEST_SIZE:
        remote.seek(begin)
        return bytes(remote.read(size))
    return b"".join(remote.readv([(begin, size)]))


def _version(path: str, attributes: Any) -> RemoteFile:
    return RemoteFile(int(attributes.st_mtime or 0), path, int(attributes.st_size or 0))


def _is_answer(error: BaseException) -> bool:
    """Whether the server says so of a file, and the connection is as good as before.

    paramiko gives the protocol's own failures, which have no number of the operating system's, as an OSError too.
    """
    is_failure = type(error) is OSError and error.errno is None
    return is_failure or isinstance(error, FileNotFoundError | PermissionError)


def _may_pass(error: BaseException) -> bool:
    """Whether it may work in a while. What the server answers, and what people must mend, doesn't."""
    if _is_answer(error):
        return False
    paramiko = client("paramiko", "sftp")
    return isinstance(error, OSError | EOFError | paramiko.SSHException | paramiko.SFTPError)
