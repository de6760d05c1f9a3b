"""An SFTP server in the test's process: users, host key, and faults that tests ask for."""

import asyncio
import logging
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import asyncssh

from servers.loop import Loop

USER, PASSWORD = "lake", "a password of the tests"  # pragma: allowlist secret


class SftpServer:
    """A server of a folder, on a port that stays the same when it is stopped and started again.

    `before(step, path)` is called before a file is opened (`open`) or read (`read`, with the offset for a path) and a
    folder is listed (`list`); it may `cut`, `vanish`, or raise.
    """

    def __init__(self, root: Path) -> None:
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        self.root = root
        self.port = 0
        self.denied: set[str] = set()
        self.before: Callable[[str, str], None] = lambda step, path: None
        self.delay_seconds = 0.0
        self.refuses_logins = False
        self.logins = 0
        self._host = asyncssh.generate_private_key("ssh-ed25519")
        self._user = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = Loop()
        self._listener: Any = None
        self._connections: set[Any] = set()

    @property
    def host_key(self) -> str:
        """The server's host key, as a line of known_hosts has it."""
        return " ".join(self._host.export_public_key().decode().split()[:2])

    @property
    def user_key(self) -> str:
        """The text of the user's private key."""
        return self._user.export_private_key().decode()

    def start(self) -> None:
        """Listens."""
        self._loop.run(self._listen())

    def stop(self) -> None:
        """Listens no more, and cuts every connection."""
        self._loop.run(self._end())

    def close(self) -> None:
        """Ends the server and its thread."""
        self.stop()
        self._loop.end()

    def cut(self) -> None:
        """Cuts every connection; within `before`."""
        for connection in list(self._connections):
            connection.abort()

    def vanish(self) -> None:
        """Stops at once, within `before`. `start` begins it again."""
        self.cut()
        self._listener.close()
        self._listener = None

    async def _listen(self) -> None:
        self._listener = await asyncssh.create_server(
            lambda: _Login(self),
            "127.0.0.1",
            self.port,
            server_host_keys=[self._host],
            sftp_factory=lambda channel: _Files(channel, self),
            allow_scp=False,
            reuse_address=True,
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self.cut()
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None


class _Login(asyncssh.SSHServer):  # type: ignore[misc]
    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def connection_made(self, conn: Any) -> None:
        self._connection = conn
        self._server._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        self._server.logins += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return not self._server.refuses_logins and (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: Any) -> bool:
        own = self._server._user.convert_to_public()
        return not self._server.refuses_logins and username == USER and key == own


class _Files(asyncssh.SFTPServer):  # type: ignore[misc]
    def __init__(self, channel: Any, server: SftpServer) -> None:
        super().__init__(channel, chroot=str(server.root).encode())
        self._server = server

    async def _step(self, step: str, path: bytes) -> None:
        name = path.decode("utf-8", "replace")
        if self._server.delay_seconds:
            await asyncio.sleep(self._server.delay_seconds)
        if name in self._server.denied:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        self._server.before(step, name)

    async def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        await self._step("open", path)
        return super().open(path, pflags, attrs)

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        await self._step("read", str(offset).encode())
        data = super().read(file_obj, offset, size)
        return await data if isawaitable(data) else data  # type: ignore[no-any-return]

    async def scandir(self, path: bytes) -> Any:
        await self._step("list", path)
        async for entry in super().scandir(path):
            yield entry
