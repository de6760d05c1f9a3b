"""The life of a workspace's Spark Connect server, with a real one: attaching, sharing, surviving and ending."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from common.settings import repository
from local.engine import server as spark_server
from local.engine.keeper import living_clients
from local.processes import wait_until
from local.workspace import Workspace, write_json

NOTEBOOK = """
import sys, time
from common.session import spark_session
spark = spark_session()
assert spark_session() is spark
print(spark.session_id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path / "home").create()
    monkeypatch.setenv("LAKEHOUSE_HOME", str(workspace.home))
    monkeypatch.setenv("LAKEHOUSE_DRIVER_MEMORY", "1g")
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    yield workspace
    spark_server.down(workspace)


def a_notebook(session_id: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(repository() / "src"), "LAKEHOUSE_SESSION_ID": session_id}
    return subprocess.Popen([sys.executable, "-c", NOTEBOOK], env=environment, stdout=subprocess.PIPE, text=True)


def processes_of(workspace: Workspace) -> list[psutil.Process]:
    """What runs in the workspace's folder of the engine: server, keeper, parent of workers."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(workspace.engine):
                found.append(process)
    return found


@pytest.mark.spark
def test_one_server_for_all_which_ends_with_the_last(own: Workspace) -> None:
    ids = [str(uuid4()), str(uuid4())]
    notebooks = [a_notebook(session_id) for session_id in ids]
    try:
        # Both start at once, and share the server that one of them starts; each has the session that it was given.
        shown = [notebook.stdout.readline().strip() for notebook in notebooks if notebook.stdout]
        assert shown == ids
        server = spark_server.find_server(own)
        assert server is not None
        assert server.keeper is not None
        assert len(processes_of(own)) >= 3

        # A keeper that was killed is replaced, the server goes on.
        os.kill(server.keeper.pid, signal.SIGKILL)
        assert wait_until(lambda: server.keeper is not None and not server.keeper.is_alive(), 10)
        again = spark_server.attach(own, os.getpid())
        assert again.process == server.process
        assert again.keeper is not None
        assert again.keeper.is_alive()
        spark_server.detach(own, os.getpid())

        # Killed clients are noticed: with the last one the server ends.
        notebooks[0].kill()
        notebooks[0].wait()
        assert server.process.is_alive()
        notebooks[1].kill()
        notebooks[1].wait()
        assert wait_until(lambda: spark_server.find_server(own) is None, 30)
        assert not server.process.is_alive()
        assert wait_until(lambda: not processes_of(own), 30), "neither a keeper nor a parent of workers is left"
    finally:
        for notebook in notebooks:
            notebook.kill()


def test_an_idle_server_with_other_settings_is_replaced(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE_IDLE_SECONDS", "600")
    first = spark_server.attach(own, os.getpid())
    monkeypatch.setenv("LAKEHOUSE_DRIVER_MEMORY", "1100m")
    assert spark_server.attach(own, os.getpid()).process == first.process, "it is in use"
    spark_server.detach(own, os.getpid())
    second = spark_server.attach(own, os.getpid())
    assert second.process != first.process
    assert not first.process.is_alive()
    spark_server.detach(own, os.getpid())
    assert spark_server.attach(own, os.getpid()).process == second.process


def test_a_state_file_of_another_process_is_no_server(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert spark_server.find_server(workspace) is None
    stale = {"port": 1, "server": {"pid": os.getpid(), "started": 12345.0}, "keeper": None}
    write_json(workspace.engine / "server.json", stale)
    assert spark_server.find_server(workspace) is None


def test_a_run_says_at_once_what_is_missing(own: Workspace) -> None:
    environment = os.environ | {"PYTHONPATH": str(repository() / "src"), "LAKEHOUSE_JARS": "/nowhere"}
    command = [sys.executable, "-m", "local.cli", "run", "lakehouse"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "error LAKEHOUSE_JARS=/nowhere: no such folder; unset it to have the jars fetched.\n"
    assert not list(own.runs.iterdir())


def test_a_notebook_of_a_run_attaches_for_the_run(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setenv("LAKEHOUSE_CLIENT_PID", str(runner.pid))
    notebook = a_notebook(str(uuid4()))
    try:
        assert notebook.stdout is not None
        assert notebook.stdout.readline()
        notebook.kill()
        notebook.wait()
        assert [client.pid for client in living_clients(own)] == [runner.pid]
        server = spark_server.find_server(own)
        assert server is not None
        runner.kill()
        runner.wait()
        assert wait_until(lambda: not server.process.is_alive(), 30)
    finally:
        notebook.kill()
        runner.kill()
        runner.wait()


def test_attach_says_in_one_sentence_what_is_missing(own: Workspace) -> None:
    environment = os.environ | {"PYTHONPATH": str(repository() / "src"), "LAKEHOUSE_JARS": "/nowhere"}
    command = [sys.executable, "-m", "local.engine.server", "attach", "--pid", str(os.getpid())]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr == "LAKEHOUSE_JARS=/nowhere: no such folder; unset it to have the jars fetched.\n"
    assert spark_server.find_server(own) is None
