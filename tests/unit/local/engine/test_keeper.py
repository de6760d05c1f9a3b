"""How long a server stays: with its users, and after the last one. A process that sleeps stands in for the server."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import EngineError
from common.storage.files import file_lock
from local.engine.command import server_digest
from local.engine.keeper import IDLE_SECONDS, add_client, idle_seconds, keep, stays_until
from local.engine.server import Server, detach, find_server
from local.processes import ProcessIdentity, wait_until
from local.workspace import Workspace, write_json

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home").create()


@pytest.fixture
def server() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def user() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def kept(workspace: Workspace, server: "subprocess.Popen[bytes]", seconds: float) -> threading.Thread:
    identity = ProcessIdentity.of(server.pid)
    write_json(workspace.engine / "server.json", {"port": 1, "server": identity.as_json(), "idle_seconds": seconds})
    keeper = threading.Thread(target=keep, args=(workspace, identity, server, seconds))
    keeper.start()
    return keeper


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_a_server_ends_when_nobody_has_used_it_for_so_long(
    workspace: Workspace, server: "subprocess.Popen[bytes]", user: "subprocess.Popen[bytes]", seconds: float
) -> None:
    add_client(workspace, ProcessIdentity.of(user.pid))
    keeper = kept(workspace, server, seconds)
    keeper.join(2)
    assert keeper.is_alive()
    assert server.poll() is None
    user.kill()
    user.wait()
    keeper.join(30)
    assert server.poll() is not None
    assert find_server(workspace) is None
    assert not list(workspace.engine.glob("*.json"))


def test_a_server_stays_for_the_next_user_and_says_until_when(
    workspace: Workspace, server: "subprocess.Popen[bytes]", user: "subprocess.Popen[bytes]"
) -> None:
    identity, client = ProcessIdentity.of(server.pid), ProcessIdentity.of(user.pid)
    add_client(workspace, client)
    keeper = kept(workspace, server, 600)
    assert stays_until(workspace, identity) is None

    detach(workspace, client.pid)
    assert wait_until(lambda: stays_until(workspace, identity) is not None, 30)
    until = stays_until(workspace, identity)
    assert until is not None
    assert 0 < (until - datetime.now(UTC)).total_seconds() <= 600
    assert server.poll() is None
    assert stays_until(workspace, client) is None, "that is no server"

    with file_lock(workspace.engine / "lock"):
        add_client(workspace, client)
    assert stays_until(workspace, identity) is None
    assert wait_until(lambda: not (workspace.engine / "idle.json").exists(), 30), (
        "its time begins again after this user"
    )
    server.kill()
    keeper.join(30)
    assert not keeper.is_alive()


def test_a_server_that_ends_with_its_last_user_is_waited_for(
    workspace: Workspace, server: "subprocess.Popen[bytes]", user: "subprocess.Popen[bytes]"
) -> None:
    add_client(workspace, ProcessIdentity.of(user.pid))
    keeper = kept(workspace, server, 0)
    assert find_server(workspace) == Server(1, ProcessIdentity.of(server.pid), None, 0)
    detach(workspace, user.pid)
    assert find_server(workspace) is None
    keeper.join(30)


def test_servers_that_would_be_started_differently_are_distinguished(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [server_digest(workspace)]
    for name, value in (("LAKEHOUSE_DRIVER_MEMORY", "3g"), ("LAKEHOUSE_MASTER", "local[7]"), ("LAKEHOUSE_JARS", "/j")):
        monkeypatch.setenv(name, value)
        digests.append(server_digest(workspace))
    assert len(set(digests)) == len(digests)
    assert server_digest(workspace) == digests[-1]


def test_idle_seconds_are_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, seconds in {"0": 0, "60": 60, "1.5": 1.5, "": IDLE_SECONDS}.items():
        monkeypatch.setenv("LAKEHOUSE_ENGINE_IDLE_SECONDS", text)
        assert idle_seconds() == seconds
    monkeypatch.delenv("LAKEHOUSE_ENGINE_IDLE_SECONDS")
    assert idle_seconds() == IDLE_SECONDS
    for text in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("LAKEHOUSE_ENGINE_IDLE_SECONDS", text)
        with pytest.raises(EngineError, match=f"LAKEHOUSE_ENGINE_IDLE_SECONDS={text}: is no number of seconds"):
            idle_seconds()
