"""The keeper: parent of a workspace's Spark Connect server, which it ends with the last process that uses it.

Clients are files in engine/clients, one a process; a client that was killed is noticed by its process being gone.
`lakehouse up` pins the server: it then stays until `lakehouse down`.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local.processes import ProcessIdentity, file_lock
from local.workspace import Workspace, read_json, write_json

POLL_SECONDS = 0.5


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


def keep(workspace: Workspace, server: ProcessIdentity, child: "subprocess.Popen[Any] | None" = None) -> None:
    """Returns when the server has ended, or ends it once nobody wants it."""
    while server.is_alive() and (child is None or child.poll() is None):
        if not is_wanted(workspace):
            # With the lock held no process can attach between the last look and the end.
            with file_lock(workspace.engine / "lock", blocking=False) as is_held:
                if is_held and not is_wanted(workspace):
                    server.stop()
                    if child is not None:
                        child.wait()
                    (workspace.engine / "server.json").unlink(missing_ok=True)
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
    state = {"port": port, "server": server.as_json(), "keeper": ProcessIdentity.of().as_json()}
    write_json(workspace.engine / "server.json", state)
    keep(workspace, server, child)
    return 0


def _launch(workspace: Workspace, port: int) -> "subprocess.Popen[Any]":
    from local.engine.command import server_command, server_environment
    from local.engine.jars import spark_jars
    from local.engine.java import find_java

    java = find_java()
    command = server_command(workspace, port, java, spark_jars(java))
    with (workspace.logs / "spark-server.log").open("w") as log:
        return subprocess.Popen(
            command,
            cwd=workspace.engine,
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
