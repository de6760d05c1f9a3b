"""The keeper: parent of a workspace's Spark Connect server, which it ends some time after its last user.

Clients are files in engine/clients, one a process; a killed client is known by its missing process.
After the last one the server stays for LAKEHOUSE_ENGINE_IDLE_SECONDS, so that the next command finds it warm.
`lakehouse up` pins the server: it then stays until `lakehouse down`.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.errors import EngineError
from common.storage.files import file_lock
from local.engine.command import server_digest
from local.engine.needs import needs_of
from local.processes import ProcessIdentity
from local.workspace import Workspace, read_json, write_json

SERVER_LOG = "spark-server.log"
KEEPER_LOG = "spark-keeper.log"
POLL_SECONDS = 0.5
IDLE_SECONDS = 900.0
"""How long a server stays after its last user, unless LAKEHOUSE_ENGINE_IDLE_SECONDS says otherwise."""


def idle_seconds() -> float:
    """How long a server that is started now stays after its last user; 0: not at all.

    Raises:
        EngineError: LAKEHOUSE_ENGINE_IDLE_SECONDS is no number of seconds.

    """
    text = os.environ.get("LAKEHOUSE_ENGINE_IDLE_SECONDS") or str(IDLE_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise EngineError(
            f"LAKEHOUSE_ENGINE_IDLE_SECONDS={text}: is no number of seconds; write one such as 900, or 0 to have Spark "
            "end with its last user."
        )
    return seconds


def living_clients(workspace: Workspace) -> list[ProcessIdentity]:
    """Processes that use the server; entries of those that are gone are removed."""
    living = []
    for file in (workspace.engine / "clients").glob("*.json"):
        client = ProcessIdentity.from_json(read_json(file))
        if client is not None and client.is_alive():
            living.append(client)
        else:
            file.unlink(missing_ok=True)
    return living


def add_client(workspace: Workspace, client: ProcessIdentity) -> None:
    """Registers a process; call it with the engine's lock held."""
    write_json(workspace.engine / "clients" / f"{client.pid}.json", client.as_json())


def is_wanted(workspace: Workspace) -> bool:
    """Whether a process uses the server, or `lakehouse up` asked for it."""
    return (workspace.engine / "pinned").exists() or bool(living_clients(workspace))


def stays_until(workspace: Workspace, server: ProcessIdentity) -> datetime | None:
    """When a server that nobody uses will end, UTC; None while somebody does."""
    noted = read_json(workspace.engine / "idle.json") or {}
    if is_wanted(workspace) or ProcessIdentity.from_json(noted.get("server")) != server:
        return None
    return datetime.fromtimestamp(noted["until"], UTC)


def keep(
    workspace: Workspace,
    server: ProcessIdentity,
    child: "subprocess.Popen[Any] | None" = None,
    idle_seconds: float = 0,
) -> None:
    """Returns when the server has ended, or ends it once nobody has wanted it for so long."""
    idle = workspace.engine / "idle.json"
    deadline = None
    while server.is_alive() and (child is None or child.poll() is None):
        if is_wanted(workspace):
            deadline = None
            idle.unlink(missing_ok=True)
        elif deadline is None:
            deadline = time.monotonic() + idle_seconds
            write_json(idle, {"server": server.as_json(), "until": time.time() + idle_seconds})
        if deadline is not None and time.monotonic() >= deadline:
            # With the lock held no process can attach between the last look and the end.
            with file_lock(workspace.engine / "lock", blocking=False) as is_locked:
                if is_locked and not is_wanted(workspace):
                    server.stop()
                    if child is not None:
                        child.wait()
                    (workspace.engine / "server.json").unlink(missing_ok=True)
                    idle.unlink(missing_ok=True)
                    return
        time.sleep(POLL_SECONDS)


def main(arguments: list[str]) -> int:
    """Starts a server and keeps it (`start HOME PORT`), or keeps one whose keeper died (`adopt HOME PORT PID`)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    action, home, port = arguments[0], Path(arguments[1]), int(arguments[2])
    workspace = Workspace(home)
    child = None
    if action == "start":
        child = _launch(workspace, port)
        server = ProcessIdentity.of(child.pid)
    else:
        server = ProcessIdentity.of(int(arguments[3]))
    stays, before = idle_seconds(), read_json(workspace.engine / "server.json") or {}
    digest = server_digest(workspace) if action == "start" else before.get("digest")
    needs = sorted(needs_of(workspace)) if action == "start" else before.get("needs", [])
    identities = {"server": server.as_json(), "keeper": ProcessIdentity.of().as_json()}
    started = {"idle_seconds": stays, "digest": digest, "needs": needs}
    write_json(workspace.engine / "server.json", {"port": port, **identities, **started})
    keep(workspace, server, child, stays)
    if child is not None:
        print(f"process {server.pid}, Spark's server, ended with code {child.wait()}", flush=True)
    return 0


def _launch(workspace: Workspace, port: int) -> "subprocess.Popen[Any]":
    from local.engine.archive import archive_options
    from local.engine.batch_workers import start_parent, worker_python
    from local.engine.command import server_command, server_environment
    from local.engine.jars import spark_jars
    from local.engine.java import find_java

    java = find_java()
    jars = spark_jars(java, needs=needs_of(workspace))
    command = server_command(workspace, port, java, jars)
    # Java uses an archive that was made with the first of its jars, too.
    command[1:1] = archive_options(java, spark_jars(java))
    environment = server_environment() | {"PYSPARK_PYTHON": str(worker_python(workspace, port))}
    server_ends, servers_end = os.pipe()  # the server alone holds one end, so that its end is seen at the other
    with (workspace.logs / SERVER_LOG).open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=workspace.engine,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(servers_end,),
        )
    os.close(servers_end)
    start_parent(workspace, port, environment, server_ends)
    os.close(server_ends)
    return server


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
