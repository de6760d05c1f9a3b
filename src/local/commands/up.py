"""`lakehouse up`."""

from local import spark_server
from local.commands.shared import examples, out, tell
from local.workspace import current_workspace, shown_path

EPILOG = examples("lakehouse up", "lakehouse run lakehouse", "lakehouse down")


def up() -> None:
    """Start Spark once; all that follows attaches to it, until `lakehouse down`."""
    workspace = current_workspace().create()
    server = spark_server.up(workspace, tell)
    out.print(f"Spark runs at {server.remote} for {shown_path(workspace.home)}; 'lakehouse down' stops it.")
