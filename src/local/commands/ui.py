"""`lakehouse ui`: MLflow on the workspace."""

import socket
from typing import Annotated

import typer

from local.commands.shared import become, examples, out
from local.workspace import current_workspace

EPILOG = examples("lakehouse ui", "lakehouse ui --port 5050")


def ui(
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0: the first free one from 5000 on.")] = 0,
) -> None:
    """Open MLflow on the workspace's experiments and models."""
    workspace = current_workspace().create()
    chosen = port or free_port(5000)
    out.print(f"MLflow at http://127.0.0.1:{chosen} (Ctrl-C ends it)")
    store = ["--backend-store-uri", workspace.mlflow_uri]
    store += ["--default-artifact-root", (workspace.home / "mlartifacts").as_uri()]
    become(workspace, "mlflow", "ui", *store, "--host", "127.0.0.1", "--port", str(chosen), "--workers", "1")


def free_port(first: int) -> int:
    """The first port from that one on at which nobody listens."""
    return next(number for number in range(first, first + 100) if _is_free(number))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
