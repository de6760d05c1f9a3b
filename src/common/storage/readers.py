"""Which streams have yet to read a table's rows: until then, its files must not be rewritten and removed.

A stream of a Delta table notes the version that it reads next. Rows that a later DELETE or MERGE moves to another
file never reach it (such commits are skipped), and a file that VACUUM removed would stop it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.contracts.table import Table
from common.errors import CheckpointError
from common.settings import Settings
from common.storage.checkpoints import streams
from common.storage.commits import commits
from common.storage.lake import Lake
from common.storage.progress import newest_batch


@dataclass(frozen=True)
class Place:
    """How far a stream has read a Delta table, known by its id: `version` is the first that it has not read."""

    stream: str
    table_id: str
    version: int


def places(settings: Settings) -> list[Place]:
    """How far all streams have read all Delta tables, by their committed micro-batches."""
    return [place for stream in streams(settings) for place in _places(stream.name, stream.folder)]


def _places(name: str, folder: Path) -> list[Place]:
    begun, committed = newest_batch(folder / "offsets"), newest_batch(folder / "commits")
    if begun is None:
        return []
    at = begun if committed is None else committed
    offsets = [offset for offset in map(_offset, _lines(folder / "offsets" / str(at))) if "reservoirId" in offset]
    return [Place(name, str(offset["reservoirId"]), _version(offset, committed)) for offset in offsets]


def _version(offset: dict[str, Any], committed: int | None) -> int:
    # Within its first snapshot of the table, the stream is still reading every version up to that one.
    return 0 if committed is None or offset.get("isStartingVersion") else int(offset["reservoirVersion"])


def _lines(file: Path) -> list[str]:
    # A file that was cleaned away or never finished has no answer; the stream itself will fail on it.
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _offset(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def readers(lake: Lake, table: Table | str) -> list[Place]:
    """The streams that have begun to read the table, and how far each is."""
    known = places(lake.settings)
    detail = lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").first() if known else None
    return [place for place in known if detail is not None and place.table_id == detail["id"]]


def waiting(lake: Lake, table: Table | str) -> list[str]:
    """Names of the streams that have begun to read the table and not read all of it."""
    begun = readers(lake, table)
    if not begun:
        return []
    newest = next((commit.version for commit in commits(lake, table) if commit.may_insert), -1)
    return sorted(place.stream for place in begun if place.version <= newest)


def require_read(lake: Lake, *tables: Table | str) -> None:
    """Checks that no stream has yet to read a part of the tables.

    Raises:
        CheckpointError: one has.
    """
    for table in tables:
        if names := waiting(lake, table):
            name = table if isinstance(table, str) else table.name
            run_job = lake.settings.platform.run_job.format(job="lakehouse")
            raise CheckpointError(
                f"{name} holds rows that {', '.join(names)} has yet to read: rows that share a file with erased ones "
                f"would never reach it. Nothing was changed. First {run_job}, the main one, then this one again; or, "
                f"where that stream is not used any more: {lake.settings.how_to_reset(names[0])}"
            )
