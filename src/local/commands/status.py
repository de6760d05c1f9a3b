"""`lakehouse status`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import psutil
import typer

from local import spark_server
from local.commands.rows import Rows, print_rows
from local.commands.shared import Format, examples, out
from local.run.run_record import last_runs
from local.spark_keeper import living_clients
from local.workspace import Workspace, current_workspace

EPILOG = examples("lakehouse status", "lakehouse status --format json | jq '.[].state'")


def status(
    runs: Annotated[int, typer.Option(min=0, help="How many of the last runs to show.")] = 5,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.")] = Format.TABLE,
) -> None:
    """Show whether Spark runs, who uses it, and the last runs."""
    workspace = current_workspace()
    items = [engine_status(workspace), *map(_run_status, last_runs(workspace, runs))]
    print_rows(Rows.of(items), format_, out)


def engine_status(workspace: Workspace) -> dict[str, Any]:
    """The server of a workspace as one row."""
    server = spark_server.find_server(workspace)
    if server is None:
        return _row("engine", "spark", "stopped", None, "a run or 'lakehouse up' starts it")
    clients = len(living_clients(workspace))
    memory = psutil.Process(server.process.pid).memory_info().rss / 2**30
    pinned = ", stays until 'lakehouse down'" if spark_server.is_pinned(workspace) else ""
    detail = f"{server.remote}, process {server.process.pid}, {memory:.1f} GiB, used by {clients}{pinned}"
    return _row("engine", "spark", "running", server.started, detail)


def _run_status(run: dict[str, Any]) -> dict[str, Any]:
    started = datetime.fromisoformat(run["started"]) if run.get("started") else None
    tasks = run.get("tasks", [])
    good = sum(task["state"] == "SUCCESS" for task in tasks)
    detail = f"{good} of {len(tasks)} tasks, {run.get('seconds')} s, {run['folder']}"
    return _row("run", run["job"], run["state"].lower(), started, detail)


def _row(kind: str, name: str, state: str, since: datetime | None, detail: str) -> dict[str, Any]:
    shown = since.astimezone(UTC).replace(microsecond=0) if since else None
    return {"kind": kind, "name": name, "state": state, "since": shown, "detail": detail}
