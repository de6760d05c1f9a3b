"""What killed tasks and past streams leave beside the tables: staged rows, and checkpoints of unused streams."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common.settings import CHECKPOINT_RETENTION_DAYS, STAGED_RETENTION_HOURS, Settings
from common.storage.checkpoints import forget, streams
from common.storage.lake import Lake
from common.storage.layout import table_names
from common.storage.readers import places


def remove_staged(settings: Settings, older_than_hours: float = STAGED_RETENTION_HOURS) -> int:
    """Removes staged rows that a killed task left, and returns how many folders they were.

    A task that works for longer loses its staged rows: it fails, and does the batch again when it is retried.
    """
    latest = time.time() - older_than_hours * 3600
    old = [folder for folder in Path(settings.checkpoint("staged")).glob("*") if _last_used(folder) <= latest]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


@dataclass(frozen=True)
class UnusedStream:
    """A stream whose feed or table is gone."""

    name: str
    why: str
    last_used: datetime


def unused_streams(
    lake: Lake, feeds: list[str], older_than_days: float = CHECKPOINT_RETENTION_DAYS
) -> list[UnusedStream]:
    """Streams that were not used for `older_than_days` and read what is gone: an undeclared feed, or a table.

    `feeds` are the names of the streams of files that are declared, such as bronze/simulated/transactions. A stream
    whose table is there, or that was used lately, is never among them.
    """
    known = {place.stream: place for place in places(lake.settings)}
    ids = _table_ids(lake)
    found = []
    for stream in streams(lake.settings):
        used = datetime.fromtimestamp(_last_used(stream.folder), UTC)
        if time.time() - used.timestamp() < older_than_days * 86400:
            continue
        if stream.name.startswith("bronze/"):
            if stream.name not in feeds:
                found.append(UnusedStream(stream.name, "no source declares its feed", used))
        elif stream.name in known and known[stream.name].table_id not in ids:
            found.append(UnusedStream(stream.name, "the table that it reads is gone", used))
    return found


def remove_streams(lake: Lake, unused: list[UnusedStream]) -> None:
    """Removes the checkpoints of streams that are not used."""
    known = {stream.name: stream for stream in streams(lake.settings)}
    for stream in unused:
        forget(lake.settings, known[stream.name])


def _last_used(folder: Path) -> float:
    return max((path.stat().st_mtime for path in [folder, *folder.rglob("*")] if path.exists()), default=0.0)


def _table_ids(lake: Lake) -> set[str]:
    return {lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(name)}").collect()[0]["id"] for name in table_names(lake)}
