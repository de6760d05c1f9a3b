"""The workspace's Spark Connect server: one for all, started by the first that needs it.

A process attaches by its number; a server that nobody pinned with `lakehouse up` ends some time after the last one
attached. A notebook attaches when it first uses Spark, by `python -m local.engine.server attach --pid PID`: under its
own number, or under that of the run which it belongs to, so that the run's tasks share one server.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from common.errors import EngineError, LakehouseError
from common.storage.files import file_lock
from local.engine.command import server_digest
from local.engine.jars import spark_jars
from local.engine.java import find_java
from local.engine.keeper import KEEPER_LOG, SERVER_LOG, add_client, idle_seconds, is_wanted, living_clients
from local.engine.needs import needs_of, note_needs
from local.engine.startup import free_port, is_open, wait_for_start
from local.processes import ProcessIdentity, wait_until
from local.workspace import Workspace, current_workspace, read_json

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Server:
    """A running server: its port and processes."""

    port: int
    process: ProcessIdentity
    keeper: ProcessIdentity | None
    idle_seconds: float = 0
    """How long it stays after its last user."""
    digest: str | None = None
    """What distinguishes it from servers that were started differently, see `server_digest`."""
    needs: frozenset[str] = frozenset()
    """The lists of jars that it was started with beside Delta's."""

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
    keeper = ProcessIdentity.from_json(state.get("keeper"))
    needs = frozenset(state.get("needs", ()))
    return Server(int(state["port"]), process, keeper, float(state.get("idle_seconds", 0)), state.get("digest"), needs)


def is_pinned(workspace: Workspace) -> bool:
    """Whether `lakehouse up` asked for the server to stay."""
    return (workspace.engine / "pinned").exists()


def check_startable(workspace: Workspace, tell: Tell = lambda _: None, needs: Collection[str] = ()) -> None:
    """Makes sure that a server runs or could be started, so that what is missing shows early, in one sentence.

    Raises:
        EngineError: there is no Java, the jars can't be had, or a setting is wrong.

    """
    idle_seconds()
    server = find_server(workspace)
    if server is None or not server.needs.issuperset(needs):
        spark_jars(find_java(), tell, needs_of(workspace).union(needs))


def attach(workspace: Workspace, pid: int, tell: Tell = lambda _: None, needs: Collection[str] = ()) -> Server:
    """Registers a process as a user of the server, which is started when it doesn't run.

    `needs` are lists of jars that the server must have beside Delta's. One that has not is replaced where it is idle.

    Raises:
        EngineError: the server can't be started, or is in use and lacks jars, or the process is gone.

    """
    try:
        client = ProcessIdentity.of(pid)
    except Exception as error:
        raise EngineError(f"process {pid} can't attach to the engine: it doesn't run.") from error
    check_startable(workspace, tell, needs)
    with file_lock(workspace.create().engine / "lock"):
        server = find_server(workspace)
        is_idle = server is not None and not is_wanted(workspace)
        note_needs(workspace, needs)
        if server is not None and not is_idle and (lacking := sorted(set(needs) - server.needs)):
            raise EngineError(
                f"Spark runs without its jars for {', '.join(lacking)}, which this source needs, and is in use. They "
                "are loaded when it starts: end it when its work is done (`lakehouse down`), and try again."
            )
        if server is not None and is_idle and server.digest != server_digest(workspace):
            tell("Stopping Spark: its settings have changed")
            server.process.stop()
        add_client(workspace, client)
        return _running(workspace, tell)


def detach(workspace: Workspace, pid: int, patience_seconds: float = 20) -> None:
    """Takes a process off the users of the server, and waits for the server's end where it ends with its last user."""
    (workspace.engine / "clients" / f"{pid}.json").unlink(missing_ok=True)
    server = find_server(workspace)
    if server is not None and not server.idle_seconds and not is_pinned(workspace) and not living_clients(workspace):
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
    server, seen = find_server(workspace), ""
    if server is None:
        tell("Starting Spark")
        (workspace.engine / "server.json").unlink(missing_ok=True)
        keeper = _spawn_keeper(workspace, "start", str(free_port()))
        seen = _wait_for_keeper(workspace, keeper, lambda: find_server(workspace) is not None)
    elif server.keeper is None or not server.keeper.is_alive():
        keeper = _spawn_keeper(workspace, "adopt", str(server.port), str(server.process.pid))
        seen = _wait_for_keeper(workspace, keeper, lambda: _has_keeper(workspace))
    server = find_server(workspace)
    if server is not None:
        port = server.port
        seen = wait_for_start(lambda: is_open(port), server.process, workspace.logs / SERVER_LOG, tell)
    if server is None or seen:
        if server is not None:
            server.process.stop()
        reason = seen or "its process ended at once"
        raise EngineError(
            f"Spark could not be started: {reason}. The logs in {workspace.logs} say:\n{_log_tail(workspace)}"
        )
    return server


def _wait_for_keeper(workspace: Workspace, keeper: "subprocess.Popen[bytes]", is_ready: Callable[[], bool]) -> str:
    try:
        process = ProcessIdentity.of(keeper.pid)
    except psutil.Error:
        return f"its keeper, process {keeper.pid}, ended at once"
    seen = wait_for_start(is_ready, process, workspace.logs / KEEPER_LOG)
    return f"its keeper, {seen}" if seen else ""


def _has_keeper(workspace: Workspace) -> bool:
    server = find_server(workspace)
    return server is not None and server.keeper is not None and server.keeper.is_alive()


def _spawn_keeper(workspace: Workspace, action: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A process of its own session, so that neither Ctrl-C nor a closed terminal reaches it."""
    source = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(source), os.environ.get("PYTHONPATH", "")])}
    with (workspace.logs / KEEPER_LOG).open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "local.engine.keeper", action, str(workspace.home), *arguments],
            cwd=workspace.engine,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _log_tail(workspace: Workspace, lines: int = 15) -> str:
    found = []
    for name in (SERVER_LOG, KEEPER_LOG):
        path = workspace.logs / name
        if path.exists():
            found += path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(found) or "(nothing)"


def main() -> int:
    """The command line that notebooks use: prints where to attach, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m local.engine.server")
    parser.add_argument("action", choices=["attach"])
    parser.add_argument("--pid", type=int, required=True, help="process that uses the server")
    parser.add_argument("--needs", action="append", default=[], help="a list of jars that Spark must have")
    options = parser.parse_args()
    try:
        server = attach(current_workspace(), options.pid, lambda text: print(text, file=sys.stderr), options.needs)
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"remote": server.remote}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
