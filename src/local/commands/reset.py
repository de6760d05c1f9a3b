"""`lakehouse reset`: makes a stream read everything again, or removes the whole workspace."""

from typing import Annotated

import typer
from rich.table import Table

from common.settings import settings_from
from local.commands.shared import examples, out
from local.commands.workspace_removal import check_idle, remove_workspace
from local.workspace import current_workspace, shown_path

EPILOG = examples(
    "lakehouse reset                        the streams, and how far each has read",
    "lakehouse reset silver/transactions    that stream reads everything again",
    "lakehouse reset --all                  remove the whole workspace; it asks first",
)


def reset(
    stream: Annotated[str, typer.Argument(help="A stream's name; without one, all streams are listed.")] = "",
    whole: Annotated[
        bool,
        typer.Option("--all", help="Remove the whole workspace: tables, checkpoints, files, models, runs."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask, with --all.")] = False,
) -> None:
    """Reset a stream's checkpoint: its next run reads everything again, and adds only what its table doesn't hold.

    For a table that was removed or restored to an older version, or quarantined records whose map was mended.
    """
    if stream and whole:
        raise typer.BadParameter("give a stream or --all, not both", param_hint="--all")
    if yes and not whole:
        raise typer.BadParameter("goes with --all; nothing was removed", param_hint="--yes")
    if whole:
        remove_workspace(current_workspace(), yes)
    elif stream:
        _reset_stream(stream)
    else:
        _list_streams()


def rewind(stream: Annotated[str, typer.Argument()] = "") -> None:
    """The earlier name of `lakehouse reset [STREAM]`."""
    reset(stream)


def _reset_stream(name: str) -> None:
    # Imported here: Spark's package takes a second, which no other command need spend.
    from common.storage import checkpoints

    check_idle(current_workspace())
    for stream in checkpoints.reset(settings_from(), name):
        out.print(f"{stream.name} will read everything again: {stream.batches:,} micro-batches are forgotten.")
    out.print("Run the job to fill its table: lakehouse run lakehouse")


def _list_streams() -> None:
    from common.storage import checkpoints

    found = checkpoints.streams(settings_from())
    if found:
        listed = Table("stream", "micro-batches", box=None)
        for stream in found:
            listed.add_row(stream.name, f"{stream.batches:,}")
        out.print(listed)
        out.print("`lakehouse reset STREAM` makes one read everything again.")
    else:
        out.print(f"No stream has run in {shown_path(current_workspace().home)}.")
    out.print("`lakehouse reset --all` removes the whole workspace; it asks first.")
