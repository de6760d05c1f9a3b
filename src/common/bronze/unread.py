"""Feeds that could not be read: each is noted beside its checkpoint until a run reads it, and then fails a check.

So the tasks between go on with the records of the other feeds, and the run still fails at its end.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from common.checks.findings import FEED_WAS_READ, Finding
from common.contracts.bronze import bronze_table
from common.contracts.ops import QUALITY_RESULTS
from common.errors import LakehouseError
from common.settings import Settings
from common.sources.declaration import Source
from common.storage.files import write_whole
from common.storage.last_success import Step

Unread = dict[str, dict[str, str]]
"""By feed: `since`, the time (UTC) of the first run that could not read it, and `reason`, what the last one met."""


def note_unread(source: Source, settings: Settings, failed: Mapping[str, LakehouseError]) -> None:
    """Notes the feeds that a run could not read, and forgets those that it read."""
    before = unread(source, settings)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    for name in source.feeds:
        note = source.at(name, settings).note("unread")
        if name in failed:
            since = before[name]["since"] if name in before else now
            write_whole(note, json.dumps({"since": since, "reason": str(failed[name])}))
        else:
            note.unlink(missing_ok=True)


def unread(source: Source, settings: Settings) -> Unread:
    """The feeds that the last run could not read."""
    notes = {name: source.at(name, settings).note("unread") for name in source.feeds}
    return {name: json.loads(note.read_text(encoding="utf-8")) for name, note in notes.items() if note.exists()}


def check_feeds(source: Source, settings: Settings) -> list[Finding]:
    """A finding for each feed: whether the last run could read it."""
    failed = unread(source, settings)
    return [
        Finding(
            bronze_table(name).name,
            FEED_WAS_READ,
            name not in failed,
            f"not since {failed[name]['since']} UTC: {failed[name]['reason']}" if name in failed else "by the last run",
        )
        for name in source.feeds
    ]


def checking_feeds(source: Source) -> Step:
    """What the check of the feeds alone depends on."""
    return Step(
        f"ops.check_feeds.{source.name}",
        shares=(QUALITY_RESULTS.name,),
        declaration=source.model_dump_json(),
        looks_at=lambda settings: unread(source, settings),
    )
