"""Feeds that could not be read: each is noted beside its checkpoint until a run reads it, and then fails a check.

So the tasks between go on with the records of the other feeds, and the run still fails at its end.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from common.checks.findings import FEED_WAS_READ, Finding
from common.contracts.bronze import bronze_table
from common.contracts.ops import QUALITY_RESULTS
from common.errors import FeedError, LakehouseError, SecretError, with_words
from common.settings import Settings
from common.sources.declaration import Source
from common.storage.files import write_whole
from common.storage.last_success import Step


@dataclass(frozen=True)
class Unread:
    """Since when a feed can't be read: the time (UTC) of the first run that could not; `reason` is the last one's."""

    since: str
    reason: str


def note_unread(
    source: Source,
    settings: Settings,
    failed: Mapping[str, LakehouseError],
    were_read: Collection[str] | None = None,
) -> None:
    """Notes the feeds that a run could not read, and forgets those that it read: all others, where nothing is given."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    for name in source.feeds:
        note = source.at(name, settings).note("unread")
        if name in failed:
            before = _noted(note)
            content = Unread(before.since if before else now, str(failed[name]))
            write_whole(note, json.dumps(asdict(content)))
        elif were_read is None or name in were_read:
            note.unlink(missing_ok=True)


def unread(source: Source, settings: Settings) -> dict[str, Unread]:
    """The feeds that the last run could not read, by name."""
    notes = {name: _noted(source.at(name, settings).note("unread")) for name in source.feeds}
    return {name: note for name, note in notes.items() if note is not None}


def unread_as_json(source: Source, settings: Settings) -> dict[str, dict[str, str]]:
    """The same in a form for JSON, for what a step depends on."""
    return {name: asdict(note) for name, note in unread(source, settings).items()}


def _noted(note: Path) -> Unread | None:
    try:
        return Unread(**json.loads(note.read_text(encoding="utf-8")))
    except FileNotFoundError:  # never written, or another run has read the feed meanwhile
        return None


@contextmanager
def leaving_others(name: str, failed: dict[str, LakehouseError]) -> Iterator[None]:
    """Notes why a feed can't be read, so that the others are."""
    try:
        yield
    except (FeedError, SecretError) as error:
        failed[name] = error


@contextmanager
def noting_unread(
    source: Source, settings: Settings, unpulled: Mapping[str, LakehouseError], unreadable: Mapping[str, LakehouseError]
) -> Iterator[None]:
    """Notes the feeds that could not be read where something else ends the reading, whose message then names them."""
    try:
        yield
    except Exception as error:
        if failed := {**unpulled, **unreadable}:
            note_unread(source, settings, failed, were_read=())
            others = {name: one for name, one in failed.items() if str(one) not in str(error)}
            named = with_words(error, f"beside that, feeds could not be read: {_words(others)}") if others else error
            if named is not error:
                raise named from error
        raise


def failure(failed: Mapping[str, LakehouseError]) -> LakehouseError:
    """One error for all feeds that failed: of their kind, where it is the same."""
    kinds = {type(error) for error in failed.values()}
    return (kinds.pop() if len(kinds) == 1 else FeedError)(_words(failed))


def _words(failed: Mapping[str, LakehouseError]) -> str:
    return "; ".join(f"{name}: {error}" for name, error in failed.items())


def check_feeds(source: Source, settings: Settings) -> list[Finding]:
    """A finding for each feed: whether the last run could read it."""
    failed = unread(source, settings)
    return [
        Finding(
            bronze_table(name).name,
            FEED_WAS_READ,
            name not in failed,
            f"not since {failed[name].since} UTC: {failed[name].reason}" if name in failed else "by the last run",
        )
        for name in source.feeds
    ]


def checking_feeds(source: Source) -> Step:
    """What the check of the feeds alone depends on."""
    return Step(
        f"ops.check_feeds.{source.name}",
        shares=(QUALITY_RESULTS.name,),
        declaration=source.model_dump_json(),
        looks_at=lambda settings: unread_as_json(source, settings),
    )
