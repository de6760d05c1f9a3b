"""`lakehouse down`."""

from local import spark_server
from local.commands.shared import out
from local.workspace import current_workspace, shown_path


def down() -> None:
    """Stop Spark."""
    workspace = current_workspace()
    if spark_server.down(workspace):
        out.print("Spark is stopped; tables and files stay as they are.")
    else:
        out.print(f"Spark was not running for {shown_path(workspace.home)}.")
