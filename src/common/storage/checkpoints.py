"""Checkpoints of streams: how far each has read, and whether that still fits the tables that they write.

A stream is known by its checkpoint's folder below `checkpoints`: bronze/SOURCE/FEED, silver/TARGET/FEED or
gold/TABLE. silver/TARGET stands for all that go into the target. To reset a stream is to remove its checkpoint: its
next run reads everything again, and adds only what its table doesn't hold.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pyspark.sql import functions as F

from common.contracts.ops import BATCHES
from common.contracts.table import Table
from common.errors import CheckpointError
from common.settings import Settings
from common.storage.erasure import open_plans
from common.storage.lake import Lake
from common.storage.progress import has_begun, newest_batch
from common.storage.streams import query_id

EARLY_DECISIONS = "early_decisions"
"""The folder of the query that decides ahead of bronze, which keeps no position: each start makes it again."""

_NO_STREAMS = ("staged", "erasures", "steps", "pulled", EARLY_DECISIONS)
"""Folders beside the checkpoints of streams."""


@dataclass(frozen=True)
class Stream:
    """A stream that has run: its name, its folder, and how many micro-batches it has committed."""

    name: str
    folder: Path
    batches: int


def streams(settings: Settings) -> list[Stream]:
    """All streams that have run, by name."""
    root = Path(settings.checkpoint())
    layers = [folder for folder in root.glob("*") if folder.name not in _NO_STREAMS]
    folders = sorted(path.parent for layer in layers for path in layer.rglob("metadata") if has_begun(str(path.parent)))
    return [Stream(str(f.relative_to(root)), f, _committed(f)) for f in folders]


def _committed(folder: Path) -> int:
    newest = newest_batch(folder / "commits")
    return 0 if newest is None else newest + 1


def reset(settings: Settings, name: str) -> list[Stream]:
    """Forgets how far a stream has read, and resets those that must count again with it.

    Where bronze is read again, silver's flows from it start again too: a record that bronze receives a second time
    would be counted twice.

    Args:
        settings: where the checkpoints are.
        name: the stream's name, or what several names begin with, up to a slash.

    Returns:
        The streams that were reset.

    Raises:
        CheckpointError: there is no such stream, or an erasure was broken off, whose counts would not add up.
    """
    if open_plans(settings):
        raise CheckpointError(
            "an erasure was broken off half-way: a stream that is reset would count what it removed as lost. End it "
            f"first: {settings.platform.run_job.format(job='maintenance')}, then reset the stream"
        )
    known = {stream.name: stream for stream in streams(settings)}
    named = [stream for stream in known if stream == name or stream.startswith(f"{name}/")]
    if not named:
        raise CheckpointError(f"{name}: there is no such stream; there are: {', '.join(known) or 'none'}")
    feeds = {stream.rpartition("/")[2] for stream in named if stream.startswith("bronze/")}
    with_it = [flow for flow in known if feeds and flow.startswith("silver/") and _reads(flow, feeds)]
    reset = [known[other] for other in dict.fromkeys([*named, *with_it])]
    for stream in reversed(reset):
        forget(settings, stream)
    return reset


def _reads(flow: str, feeds: Collection[str]) -> bool:
    """Whether a flow reads one of the feeds. An earlier release's flow, whose name says no feed, may read any."""
    return flow.count("/") == 1 or flow.rpartition("/")[2] in feeds


def forget(settings: Settings, stream: Stream) -> None:
    """Removes a stream's checkpoint, all of it or nothing: a part of one would make the stream skip records."""
    gone = Path(settings.checkpoint("staged", f"reset.{uuid4().hex}"))
    gone.parent.mkdir(parents=True, exist_ok=True)
    stream.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


_EARLIER_NAMES = {
    "gold/features": "gold/transaction_features",
    "ml/transaction_scores": "gold/transaction_scores",
    "decisions/query": f"{EARLY_DECISIONS}/query",
}
"""Streams by the names that they had, with those that they have."""
_MERGED = {"gold/daily_fraud_summary": "gold/marts"}
"""Streams that are no more, with those that fill their tables now."""
_TABLES_READ = {"gold/transaction_features": 3, "gold/marts": 4}
"""Streams that read fewer tables in an earlier release, with how many they read now. Spark goes on with a checkpoint
only where the number is the same."""


def adopt_earlier_names(settings: Settings) -> None:
    """Gives streams of an earlier release their names of today, so that they go on where they were.

    A stream that was merged into another one is removed, and the other is reset: it reads everything again, and writes
    only what differs. So is a stream that reads more tables now. An earlier name that stayed would seem to be a reader
    that never gets on.
    """
    known = {stream.name: stream for stream in streams(settings)}
    for earlier, name in _EARLIER_NAMES.items():
        if earlier in known and has_begun(settings.checkpoint(name)):
            forget(settings, known[earlier])
        elif earlier in known:
            folder = Path(settings.checkpoint(name))
            folder.parent.mkdir(parents=True, exist_ok=True)
            known[earlier].folder.rename(folder)
    for earlier, name in _MERGED.items():
        if earlier in known:
            for stream in (name, earlier):
                if stream in known:
                    forget(settings, known[stream])
    for found in streams(settings):
        if found.name in _TABLES_READ and _tables_read(found.folder) not in (None, _TABLES_READ[found.name]):
            forget(settings, found)


def adopt_earlier_flow(lake: Lake, target: str, feeds: Collection[str]) -> None:
    """Has a checkpoint go on that a release kept for a target, before each of its feeds had one.

    It becomes that of the feed that it read, which ops.batches knows. It can be repeated.
    """
    earlier = Path(lake.settings.checkpoint("silver", target))
    moved = earlier.with_name(f"{target}.moved")
    if has_begun(str(earlier)) and not moved.exists():
        earlier.rename(moved)
    if not moved.exists():
        return
    counted = lake.table(BATCHES).where(F.col("query_id") == query_id(str(moved))) if lake.exists(BATCHES) else None
    row = counted.select("feed").first() if counted is not None else None
    feed = row["feed"] if row is not None else next(iter(feeds), None)
    if feed is not None:
        earlier.mkdir(exist_ok=True)
        moved.rename(earlier / feed)


def _tables_read(folder: Path) -> int | None:
    """How many tables the stream read when its newest micro-batch began; None where none has begun."""
    begun = newest_batch(folder / "offsets")
    # After a version and the batch's own settings, a line for each table.
    return (
        None if begun is None else len((folder / "offsets" / str(begun)).read_text(encoding="utf-8").splitlines()[2:])
    )


def is_broken_off(checkpoint: str) -> bool:
    """Whether the stream of a checkpoint began a micro-batch that it has not committed: its next run does it again."""
    begun, committed = (newest_batch(Path(checkpoint, name)) for name in ("offsets", "commits"))
    return begun is not None and (committed is None or begun > committed)


def check_checkpoint(lake: Lake, table: Table, checkpoint: str) -> None:
    """Checks that the table of a stream that has run is still there. Call it before the table is created.

    Raises:
        CheckpointError: it is gone, so that what the stream read before would be missing from a new one.
    """
    if _committed(Path(checkpoint)) and not lake.exists(table):
        # Of a table that several flows fill, all of them must start again.
        name = str(Path(checkpoint).relative_to(lake.settings.checkpoint()))
        name = "/".join(name.split("/")[:2]) if name.startswith("silver/") else name
        raise CheckpointError(
            f"{table.name} is gone, but the stream {name} that writes it remembers what it has read: a new table "
            f"would lack all of that. To fill it again from the start: {lake.settings.how_to_reset(name)}, then run "
            "the job. To bring the table back instead: restore its files first"
        )
