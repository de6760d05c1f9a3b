"""`lakehouse dashboard`: the dashboard on the workspace's tables."""

import os
from importlib.util import find_spec
from typing import Annotated

import typer

from local.client_libraries import fetch
from local.commands.shared import become, examples, out, tell
from local.commands.ui import free_port
from local.workspace import current_workspace

EPILOG = examples("lakehouse dashboard", 'lakehouse dashboard --role "fraud team" --port 8600 --no-browser')

ROLES = ("analyst", "fraud team")


def dashboard(
    port: Annotated[int, typer.Option(min=0, help="Port to listen on; 0: the first free one from 8500 on.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Whether a browser is opened.")] = True,
    role: Annotated[str, typer.Option(help=f"{' or '.join(ROLES)}: who sees names of customers.")] = ROLES[0],
) -> None:
    """Open the dashboard: alerts, merchants, data quality, the model and runs, without Spark."""
    if role not in ROLES:
        raise typer.BadParameter(f"'{role}' must be {' or '.join(ROLES)}", param_hint="--role")
    if any(find_spec(module) is None for module in ("streamlit", "duckdb", "duckdb_extension_delta")):
        tell("fetching Streamlit and DuckDB, once")
        fetch("dashboard")
    workspace = current_workspace()
    chosen = port or free_port(8500)
    out.print(f"The dashboard is at http://127.0.0.1:{chosen} (Ctrl-C ends it)")
    os.environ["DASHBOARD_ROLE"] = role
    options = {"address": "127.0.0.1", "port": chosen, "headless": str(not browser).lower()}
    arguments = [f"--server.{name}={value}" for name, value in options.items()]
    become(workspace, "apps.dashboard", *arguments, "--logger.hideWelcomeMessage=true")  # it has the address again
