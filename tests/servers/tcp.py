"""A line to a server that tests make slow, cut, or take away: connections to its port go through this process."""

import asyncio
from contextlib import suppress

from servers.loop import Loop


class Line:
    """Forwards a port of its own to the server's. The port stays the same while the line is away."""

    def __init__(self, server_port: int) -> None:
        self._to = server_port
        self.port = 0
        self.delay_seconds = 0.0
        self._open: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._loop = Loop()
        self.restore()

    def restore(self) -> None:
        """It is there, and as quick as the machine."""
        self.delay_seconds = 0.0
        self._loop.run(self._listen())

    def cut(self) -> None:
        """Cuts all connections."""
        self._loop.run(self._cut())

    def take_away(self) -> None:
        """Cuts all connections, and takes no more until it is restored."""
        self._loop.run(self._close())

    def end(self) -> None:
        """Ends it and its thread."""
        self.take_away()
        self._loop.end()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        await self._cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self._to)
            self._open.add(forth)
            await asyncio.gather(self._forward(reader, forth), self._forward(back, writer))
            self._open.discard(forth)
        self._open.discard(writer)
        writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await reader.read(65_536):
                await asyncio.sleep(self.delay_seconds)
                writer.write(block)
                await writer.drain()
        writer.transport.abort()
