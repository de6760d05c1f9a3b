"""`lakehouse rewind`: streams and how far they have read, and to make one read everything again."""

from collections.abc import Collection
from typing import Annotated

import typer
from rich.table import Table

from common.errors import DeclarationError
from common.settings import repository, settings_from
from local.commands.shared import examples, out
from local.commands.workspace_removal import check_idle
from local.workspace import current_workspace

EPILOG = examples("lakehouse rewind", "lakehouse rewind silver/transactions")


def rewind(
    stream: Annotated[str, typer.Argument(help="A stream's name; without one, all streams are listed.")] = "",
) -> None:
    """Make a stream read everything again at its next run; what its table holds already is not added twice.

    For a table that was removed, restored to an older version, or refused records whose map was mended.
    """
    # Imported here: Spark's package takes a second, which no other command need spend.
    from common.storage import positions

    if not stream:
        listed = Table("stream", "micro-batches", box=None)
        for found in positions.streams(settings_from()):
            listed.add_row(found.name, f"{found.batches:,}")
        out.print(listed)
        return
    check_idle(current_workspace())
    for rewound in positions.rewind(settings_from(), stream, _targets_of(stream)):
        out.print(f"{rewound.name} will read everything again: {rewound.batches:,} micro-batches are forgotten.")
    out.print("Run the job to fill its table: lakehouse run lakehouse")


def _targets_of(stream: str) -> Collection[str] | None:
    """The targets that a bronze stream's feed goes into, as its source declares; None where it declares none."""
    from common.sources.declaration import load_source

    layer, *names = stream.split("/")
    if layer != "bronze" or len(names) != 2:
        return None
    try:
        feed = load_source(repository() / "sources", names[0]).feeds.get(names[1])
    except DeclarationError:
        return None
    return feed.into if feed else None
