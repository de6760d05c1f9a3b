"""`lakehouse reset`: makes a stream read everything again, or removes the whole workspace."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from common.errors import DeclarationError
from common.settings import repository, settings_from
from local.commands.shared import examples, out
from local.commands.workspace_removal import check_idle, remove_workspace
from local.workspace import current_workspace, shown_path

if TYPE_CHECKING:
    from common.sources.declaration import Source

EPILOG = examples(
    "lakehouse reset                        the streams, and how far each has read",
    "lakehouse reset silver/transactions    that stream reads everything again",
    "lakehouse reset bronze/bank/payments --from 2026-01-31T12:00:00Z    a topic, from that time on",
    "lakehouse reset --all                  remove the whole workspace; it asks first",
)


def reset(
    stream: Annotated[str, typer.Argument(help="A stream's name; without one, all streams are listed.")] = "",
    whole: Annotated[
        bool,
        typer.Option("--all", help="Remove the whole workspace: tables, checkpoints, files, models, runs."),
    ] = False,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help='Of a topic: where it is read from: earliest, latest, a time, or offsets as {"PARTITION": OFFSET}.',
            show_default="all",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask, with --all.")] = False,
) -> None:
    """Reset a stream's checkpoint: its next run reads everything again, and adds only what its table doesn't hold.

    For a table that was removed or restored to an older version, or quarantined records whose map was mended.
    """
    if stream and whole:
        raise typer.BadParameter("give a stream or --all, not both", param_hint="--all")
    if yes and not whole:
        raise typer.BadParameter("goes with --all; nothing was removed", param_hint="--yes")
    if start and not stream:
        raise typer.BadParameter("goes with a stream, such as bronze/SOURCE/FEED", param_hint="--from")
    if whole:
        remove_workspace(current_workspace(), yes)
    elif stream:
        _reset_stream(stream, start or None)
    else:
        _list_streams()


def rewind(stream: Annotated[str, typer.Argument()] = "") -> None:
    """The earlier name of `lakehouse reset [STREAM]`."""
    reset(stream)


def _reset_stream(name: str, start: str | None = None) -> None:
    # Imported here: Spark's package takes a second, which no other command need spend.
    from common.storage import checkpoints

    check_idle(current_workspace())
    settings, source = settings_from(), _source_of(name)
    feed = name.rpartition("/")[2]
    if start and name not in {stream.name for stream in checkpoints.streams(settings)}:
        raise DeclarationError(f"--from {start}: {name} is no stream of one feed, such as bronze/SOURCE/FEED")
    if name in {stream.name for stream in checkpoints.streams(settings)}:
        if source and feed in source.feeds:
            source.feeds[feed].read_again(source.at(feed, settings), start)
        elif start:
            raise DeclarationError(f"--from {start}: {name} is no feed that a source declares; leave --from out")
    for stream in checkpoints.reset(settings, name):
        what = f"from {start} on" if start and stream.name == name else "everything again"
        out.print(f"{stream.name} will read {what}: {stream.batches:,} micro-batches are forgotten.", highlight=False)
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


def _source_of(stream: str) -> "Source | None":
    """The source whose feed a bronze stream reads; None where none is declared."""
    from common.sources.declaration import load_source

    layer, *names = stream.split("/")
    if layer != "bronze" or len(names) != 2:
        return None
    try:
        return load_source(repository() / "sources", names[0])
    except DeclarationError:
        return None
