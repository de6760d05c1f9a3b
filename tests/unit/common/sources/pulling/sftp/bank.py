"""A bank that lays files on an SFTP server, and who pulls them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from common.sources.connections import SftpConnection
from common.sources.feed import FeedAt
from common.sources.pulling.pull import pull
from common.sources.pulling.sftp import Selection, SftpPuller
from common.sources.pulling.sftp_server import SftpServer as Remote
from servers.sftp import SftpServer


@dataclass
class Bank:
    """A feed of the server's folder /out, without its declaration: the puller, where it lands, what it says."""

    server: SftpServer
    at: FeedAt
    words: list[str] = field(default_factory=list)
    tell: Callable[[str], None] = lambda words: None

    @property
    def out(self) -> Path:
        return self.server.root / "out"

    def puller(self, pattern: str = "*", quiet: float = 0.0, marker: str | None = None) -> SftpPuller:
        def tell(words: str) -> None:
            self.words.append(words)
            self.tell(words)

        assert isinstance(self.at.connection, SftpConnection)
        remote = Remote(self.at.connection, "sources/bank.yml: connections.partner", self.at.settings, tell)
        return SftpPuller(remote, Selection("/out", pattern, timedelta(seconds=quiet), marker), tell)

    def pull(self, pattern: str = "*", quiet: float = 0.0, marker: str | None = None) -> int:
        return pull(self.puller(pattern, quiet, marker), self.at)

    def landed(self) -> list[tuple[str, bytes]]:
        """The server's names and contents of all that is landed, in order of their names."""
        files = [path for path in Path(self.at.pulled).iterdir() if not path.name.startswith(".")]
        return sorted((path.name.split(".", 2)[2], path.read_bytes()) for path in files)

    def unfinished(self) -> list[str]:
        return sorted(
            p.name
            for p in Path(self.at.pulled).iterdir()
            if p.name.startswith(".") and p.name not in (".lock", ".pulled", ".pulling", ".failed")
        )
