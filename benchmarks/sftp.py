"""How fast small files come from an SFTP server, and how soon a pull knows that nothing is new.

    python -m benchmarks.sftp

The server is in a process of its own on this machine; files are landed, and not read by Spark.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.measured import CONSOLE, REPOSITORY, at_most, show

if TYPE_CHECKING:
    from common.sources.feed import FeedAt
    from common.sources.readers.sftp import SftpFeed

sys.path.insert(0, str(REPOSITORY / "tests"))  # where its servers are

FILES, LARGE_BYTES = 2_000, 60_000_000


def serve(root: str, answers: Connection) -> None:
    """Runs the tests' server until it is told to end."""
    from servers.sftp import SftpServer

    server = SftpServer(Path(root))
    server.start()
    answers.send((server.port, server.host_key))
    answers.recv()
    server.close()


def main() -> None:
    """Measures, and prints the figures beside their goals."""
    from common.settings import Settings
    from common.sources.connections import Secret, SftpConnection
    from common.sources.feed import FeedAt
    from common.sources.readers.sftp import SftpFeed
    from servers.sftp import PASSWORD, USER

    os.environ["LAKEHOUSE_SECRET_BENCHMARK_PASSWORD"] = PASSWORD
    with TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        out = Path(folder) / "remote" / "out"
        out.mkdir(parents=True)
        for number in range(FILES):
            (out / f"{number}.csv").write_text(f"id;amount\n{number};12.50\n")
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(str(out.parent), there))
        server.start()
        try:
            port, host_key = here.recv()
            connection = SftpConnection(
                kind="sftp",
                host="127.0.0.1",
                port=port,
                user=USER,
                password=Secret(secret="benchmark_password"),
                host_key=host_key,
            )
            settings = Settings(Path(folder), landing_folder=f"{folder}/landing")
            at = FeedAt("bank", "settlements", settings, connection)
            feed = SftpFeed.model_validate(
                {
                    "reader": "sftp",
                    "connection": "partner",
                    "path": "/out",
                    "ready": {"quiet": "0 seconds"},
                    "format": "csv",
                    "into": {},
                }
            )
            small = _seconds(feed, at, FILES)
            again = _seconds(feed, at, 0)
            (out / "large.csv").write_bytes(os.urandom(LARGE_BYTES))
            large = _seconds(feed, at, 1)
        finally:
            here.send("end")
            server.join(10)
    show(
        "SFTP to the landing",
        [
            at_most(f"{FILES:,} small files", small, 20, "s"),
            at_most("nothing new among them", again, 2, "s"),
        ],
    )
    CONSOLE.print(f"a file of 60 MB: {LARGE_BYTES / large / 1e6:,.0f} MB/s")


def _seconds(feed: "SftpFeed", at: "FeedAt", files: int) -> float:
    begun = time.perf_counter()
    assert feed.pull(at) == files
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
