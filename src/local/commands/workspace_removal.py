"""Removes all that runs made: `lakehouse reset --all`."""

import shutil
from pathlib import Path

import typer

from common.errors import LakehouseError
from common.settings import repository
from local import spark_server
from local.commands.shared import out
from local.run import run_record
from local.spark_keeper import living_clients
from local.workspace import Workspace, shown_path


class ResetRefusedError(LakehouseError):
    """The workspace is in use, or the folder doesn't look like one."""


def remove_workspace(workspace: Workspace, yes: bool) -> None:
    """Removes tables, checkpoints, files, models and executed notebooks, after asking unless `yes`.

    Raises:
        ResetRefusedError: the workspace is in use, or the folder doesn't look like one.
        typer.Exit: the person answered no.

    """
    entries = entries_to_remove(workspace)
    if not entries:
        out.print(f"{shown_path(workspace.home)}: nothing to remove.")
        return
    check_idle(workspace)
    out.print(f"{workspace.home} holds:")
    for entry in entries:
        out.print(f"  {entry.name:<16} {_size_mib(entry):>10,.1f} MiB", highlight=False)
    if not yes and not typer.confirm("Remove all of it?"):
        out.print("Nothing was removed.")
        raise typer.Exit(1)
    spark_server.down(workspace)
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    out.print(f"{shown_path(workspace.home)} is empty.")


def entries_to_remove(workspace: Workspace) -> list[Path]:
    """What is in the workspace.

    Raises:
        ResetRefusedError: the folder holds other things than a workspace does.

    """
    home = workspace.home
    if not home.is_dir():
        return []
    entries = sorted(home.iterdir())
    root, user = repository(), Path.home()
    is_foreign = home in (root, user, *root.parents, *user.parents) or (home / ".git").exists()
    is_workspace = {"engine", "landing", "warehouse", "runs"}.intersection(entry.name for entry in entries)
    if entries and (is_foreign or not is_workspace):
        raise ResetRefusedError(
            f"{home} doesn't look like a folder that runs made, so nothing in it is removed: "
            "check LAKEHOUSE_HOME, or remove the folder yourself."
        )
    return entries


def check_idle(workspace: Workspace) -> None:
    """Makes sure that nothing uses the workspace.

    Raises:
        ResetRefusedError: a run or a notebook does.

    """
    running = [run["run_id"] for run in run_record.last_runs(workspace, 20) if run["state"] == run_record.RUNNING]
    if running:
        raise ResetRefusedError(f"run {', '.join(running)} is going on in {workspace.home}: wait for it or stop it.")
    clients = [client.pid for client in living_clients(workspace)]
    if clients and spark_server.find_server(workspace) is not None:
        shown = ", ".join(map(str, clients))
        raise ResetRefusedError(
            f"Spark is in use in {workspace.home} by process {shown} (a notebook?): end it, or 'lakehouse down'."
        )


def _size_mib(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir()) / 2**20
