"""A server of the module's, and a bank's place in a lakehouse that pulls from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bank import Bank

from common.settings import Settings
from common.sources.connections import Secret, SftpConnection
from common.sources.feed import FeedAt
from common.sources.pulling import retries
from servers.sftp import PASSWORD, USER, SftpServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    server = SftpServer(tmp_path_factory.mktemp("sftp"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def bank(server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("LAKEHOUSE_SECRET_PARTNER_PASSWORD", PASSWORD)
    monkeypatch.setenv("LAKEHOUSE_SECRET_PARTNER_KEY", server.user_key.replace("\n", "\\n"))
    server.root = tmp_path / "remote"
    (server.root / "out").mkdir(parents=True)
    server.logins = 0
    connection = SftpConnection(
        kind="sftp",
        host="127.0.0.1",
        port=server.port,
        user=USER,
        password=Secret(secret="partner_password"),
        host_key=server.host_key,
    )
    settings = Settings(tmp_path / "home", landing_folder=str(tmp_path / "landing"))
    yield Bank(server, FeedAt("bank", "settlements", settings, connection))
    server.before, server.delay_seconds, server.refuses_logins = lambda step, path: None, 0.0, False
    server.denied.clear()
