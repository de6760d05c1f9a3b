"""Jars by need: a need is noted; a server that lacks it is replaced where it is idle, and refused where it is not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import EngineError
from local.engine import jars, server
from local.engine.command import server_digest
from local.engine.needs import needs_of, note_needs
from local.processes import ProcessIdentity
from local.workspace import Workspace, write_json


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose jars lie in the cache already, one for each list."""
    monkeypatch.delenv("LAKEHOUSE_JARS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, listed in {"delta": jars.SPARK_JARS, **jars.NEEDS}.items():
        folder = jars.jars_folder(listed)
        folder.mkdir(parents=True)
        (folder / f"{name}.jar").touch()
    return Workspace(tmp_path / "home").create()


@pytest.fixture
def running(workspace: Workspace) -> Iterator[ProcessIdentity]:
    """Stands for a server that was started without needs."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    identity = ProcessIdentity.of(process.pid)
    state = {"port": 1, "server": identity.as_json(), "keeper": None, "digest": server_digest(workspace)}
    write_json(workspace.engine / "server.json", state)
    yield identity
    process.kill()
    process.wait()


def test_a_need_brings_its_list(workspace: Workspace) -> None:
    assert [jar.name for jar in jars.spark_jars()] == ["delta.jar"]
    assert [jar.name for jar in jars.spark_jars(needs=["kafka"])] == ["delta.jar", "kafka.jar"]


def test_a_need_makes_another_server(workspace: Workspace) -> None:
    before = server_digest(workspace)
    note_needs(workspace, [])
    assert server_digest(workspace) == before
    note_needs(workspace, ["kafka"])
    assert needs_of(workspace) == {"kafka"}
    assert server_digest(workspace) != before


def test_an_unknown_need_is_refused(workspace: Workspace) -> None:
    with pytest.raises(EngineError, match=r"no list of jars 'kinesis'; there are: .*kafka"):
        note_needs(workspace, ["kinesis"])
    assert not needs_of(workspace)


def test_a_server_in_use_that_lacks_a_need_is_left_alone(workspace: Workspace, running: ProcessIdentity) -> None:
    (workspace.engine / "pinned").touch()
    with pytest.raises(EngineError, match=r"without its jars for kafka.*is in use.*`lakehouse down`"):
        server.attach(workspace, os.getpid(), needs=["kafka"])
    assert running.is_alive()
    assert needs_of(workspace) == {"kafka"}, "the next server has it"


def test_an_idle_server_that_lacks_a_need_is_replaced(
    workspace: Workspace, running: ProcessIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_running", lambda workspace, tell: server.find_server(workspace))
    server.attach(workspace, os.getpid(), needs=[])
    server.detach(workspace, os.getpid(), 0)
    assert running.is_alive()
    assert server.attach(workspace, os.getpid(), needs=["kafka"]) is None
    assert not running.is_alive()


def test_what_a_server_was_started_with_is_known(workspace: Workspace, running: ProcessIdentity) -> None:
    state = json.loads((workspace.engine / "server.json").read_text())
    write_json(workspace.engine / "server.json", {**state, "needs": ["kafka"]})
    (workspace.engine / "pinned").touch()
    found = server.find_server(workspace)
    assert found is not None
    assert found.needs == {"kafka"}
