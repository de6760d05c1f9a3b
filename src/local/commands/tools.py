"""`lakehouse lab` and `lakehouse ui`: Jupyter and MLflow on the workspace."""

import os
import socket
import sys
from typing import Annotated, NoReturn

import typer

from common.settings import repository
from local.commands.shared import examples, out, tell
from local.engine import server as spark_server
from local.notebook_process import kernel_environment
from local.workspace import Workspace, current_workspace

LAB_EPILOG = examples("lakehouse lab", "lakehouse lab -- --no-browser --port 9000")
UI_EPILOG = examples("lakehouse ui", "lakehouse ui --port 5050")


def lab(ctx: typer.Context) -> None:
    """Open the notebooks in JupyterLab, attached to the workspace; what follows -- goes to Jupyter."""
    workspace = current_workspace().create()
    if not os.environ.get("SPARK_REMOTE"):
        spark_server.attach(workspace, os.getpid(), tell)
    options = ["--notebook-dir", str(repository()), *ctx.args]
    _become(workspace, "jupyterlab", *options)


def ui(
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0: the first free one from 5000 on.")] = 0,
) -> None:
    """Open MLflow on the workspace's experiments and models."""
    workspace = current_workspace().create()
    chosen = port or next(number for number in range(5000, 5100) if _is_free(number))
    out.print(f"MLflow at http://127.0.0.1:{chosen} (Ctrl-C ends it)")
    store = ["--backend-store-uri", workspace.mlflow_uri]
    store += ["--default-artifact-root", (workspace.home / "mlartifacts").as_uri()]
    _become(workspace, "mlflow", "ui", *store, "--host", "127.0.0.1", "--port", str(chosen), "--workers", "1")


def _become(workspace: Workspace, module: str, *arguments: str) -> NoReturn:
    """Turns this process into another program, which so keeps its number and with it its place at the engine."""
    environment = kernel_environment({"LAKEHOUSE_HOME": str(workspace.home)})
    os.chdir(repository())
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
