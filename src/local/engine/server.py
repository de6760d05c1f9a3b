"""The workspace's Spark Connect server: one for all, started by the first that needs it.

A process attaches by its number; a server that nobody pinned with `lakehouse up` ends with the last one attached.
Notebooks started without the runner call `python -m local.engine.server attach --pid PID`.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common.errors import EngineError, LakehouseError
from local.engine.jars import spark_jars
from local.engine.java import find_java
from local.engine.keeper import add_client, living_clients
from local.processes import ProcessIdentity, file_lock, wait_until
from local.workspace import Workspace, current_workspace, read_json

START_SECONDS = 90
"""Patience for a server to answer; it takes 4 to 10 s on a quiet machine."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Server:
    """A running server: its port and processes."""

    port: int
    process: ProcessIdentity
    keeper: ProcessIdentity | None

    @property
    def remote(self) -> str:
        """The address to attach to."""
        return f"sc://127.0.0.1:{self.port}"

    @property
    def started(self) -> datetime:
        """When it was started, UTC."""
        return datetime.fromtimestamp(self.process.started, UTC)


def find_server(workspace: Workspace) -> Server | None:
    """The workspace's server when it runs."""
    state = read_json(workspace.engine / "server.json") or {}
    process = ProcessIdentity.from_json(state.get("server"))
    if process is None or not process.is_alive():
        return None
    return Server(int(state["port"]), process, ProcessIdentity.from_json(state.get("keeper")))


def is_pinned(workspace: Workspace) -> bool:
    """Whether `lakehouse up` asked for the server to stay."""
    return (workspace.engine / "pinned").exists()


def attach(workspace: Workspace, pid: int, tell: Tell = lambda _: None) -> Server:
    """Registers a process as a user of the server, which is started when it doesn't run.

    Raises:
        EngineError: the server can't be started, or the process is gone.

    """
    try:
        client = ProcessIdentity.of(pid)
    except Exception as error:
        raise EngineError(f"process {pid} can't attach to the engine: it doesn't run.") from error
    # Checked first, so that a missing Java or jar is said in one sentence and not in a server's log.
    java = find_java() if find_server(workspace) is None else None
    if java is not None:
        spark_jars(java, tell)
    with file_lock(workspace.create().engine / "lock"):
        add_client(workspace, client)
        return _running(workspace, tell)


def detach(workspace: Workspace, pid: int, patience_seconds: float = 20) -> None:
    """Takes a process off the users of the server, and waits for its end when that was the last one."""
    (workspace.engine / "clients" / f"{pid}.json").unlink(missing_ok=True)
    if not is_pinned(workspace) and not living_clients(workspace):
        wait_until(lambda: find_server(workspace) is None or bool(living_clients(workspace)), patience_seconds)


@contextmanager
def attached(workspace: Workspace, tell: Tell = lambda _: None) -> Iterator[Server]:
    """The server, used by this process until the end of the block."""
    pid = os.getpid()
    server = attach(workspace, pid, tell)
    try:
        yield server
    finally:
        detach(workspace, pid)


def up(workspace: Workspace, tell: Tell = lambda _: None) -> Server:
    """Starts the server if it doesn't run, and keeps it until `down`."""
    server = attach(workspace, os.getpid(), tell)
    (workspace.engine / "pinned").touch()
    return server


def down(workspace: Workspace) -> bool:
    """Stops the server, whoever uses it; False when none ran."""
    (workspace.engine / "pinned").unlink(missing_ok=True)
    with file_lock(workspace.create().engine / "lock"):
        server = find_server(workspace)
        if server is None:
            return False
        server.process.stop()
        if server.keeper is not None:
            wait_until(lambda: not server.keeper or not server.keeper.is_alive(), 5)
        (workspace.engine / "server.json").unlink(missing_ok=True)
    return True


def _running(workspace: Workspace, tell: Tell) -> Server:
    """The running server, or a new one; the engine's lock is held."""
    server = find_server(workspace)
    if server is None:
        tell("Starting Spark")
        (workspace.engine / "server.json").unlink(missing_ok=True)
        port = _free_port()
        keeper = _spawn_keeper(workspace, "start", str(port))
        wait_until(lambda: find_server(workspace) is not None or keeper.poll() is not None, START_SECONDS)
        server = find_server(workspace)
    elif server.keeper is None or not server.keeper.is_alive():
        keeper = _spawn_keeper(workspace, "adopt", str(server.port), str(server.process.pid))
        wait_until(lambda: _has_keeper(workspace) or keeper.poll() is not None, START_SECONDS)
        server = find_server(workspace)
    if server is None or not _answers(server):
        if server is not None:
            server.process.stop()
        raise EngineError(f"Spark could not be started; its log says:\n{_log_tail(workspace)}")
    return server


def _has_keeper(workspace: Workspace) -> bool:
    server = find_server(workspace)
    return server is not None and server.keeper is not None and server.keeper.is_alive()


def _spawn_keeper(workspace: Workspace, action: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A process of its own session, so that neither Ctrl-C nor a closed terminal reaches it."""
    source = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(source), os.environ.get("PYTHONPATH", "")])}
    with (workspace.logs / "spark-keeper.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "local.engine.keeper", action, str(workspace.home), *arguments],
            cwd=workspace.engine,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: Server) -> bool:
    """Whether the port opens before the patience or the server ends."""

    def is_open() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", server.port)) == 0

    wait_until(lambda: is_open() or not server.process.is_alive(), START_SECONDS, pause_seconds=0.1)
    return server.process.is_alive() and is_open()


def _log_tail(workspace: Workspace, lines: int = 15) -> str:
    found = []
    for name in ("spark-server.log", "spark-keeper.log"):
        path = workspace.logs / name
        if path.exists():
            found += path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(found) or f"(nothing in {workspace.logs})"


def main() -> int:
    """The command line that notebooks use: prints where to attach, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m local.engine.server")
    parser.add_argument("action", choices=["attach"])
    parser.add_argument("--pid", type=int, required=True, help="process that uses the server")
    options = parser.parse_args()
    try:
        server = attach(current_workspace(), options.pid, lambda text: print(text, file=sys.stderr))
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"remote": server.remote}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
