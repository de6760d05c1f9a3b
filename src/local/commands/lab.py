"""`lakehouse lab`: Jupyter on the workspace."""

import os

import typer

from common.settings import repository
from local import spark_server
from local.commands.shared import become, examples, tell
from local.workspace import current_workspace

EPILOG = examples("lakehouse lab", "lakehouse lab -- --no-browser --port 9000")


def lab(ctx: typer.Context) -> None:
    """Open the notebooks in JupyterLab, attached to the workspace; what follows -- goes to Jupyter."""
    workspace = current_workspace().create()
    if not os.environ.get("SPARK_REMOTE"):
        spark_server.attach(workspace, os.getpid(), tell)
    options = ["--notebook-dir", str(repository()), *ctx.args]
    become(workspace, "jupyterlab", *options)
