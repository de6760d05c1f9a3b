"""A world's files on their way to where they are sent: in order of days, at a pace. A file that was sent is removed."""

import time
from collections.abc import Iterator
from pathlib import Path

from common.sources.declaration import Source
from common.sources.files.feed_of_files import FolderFeed
from common.sources.files.parsing import parse_file
from local.simulate.landing import SOURCE


def is_empty(outbox: Path) -> bool:
    """Whether nothing waits in an outbox: all that was made is sent."""
    return not any(path.is_file() for path in (outbox / SOURCE).glob("[!.]*/*"))


def in_order(folder: Path, source: Source) -> list[Path]:
    """The files of all feeds, by day; of a day in the order of the declaration, which sends references first."""
    places = list(source.feeds)
    files = [path for name in places for path in (folder / name).glob(f"{name}-*")]

    def day_and_place(path: Path) -> tuple[str, int]:
        feed = path.parent.name
        return path.name[len(feed) + 1 :].partition(".")[0], places.index(feed)

    return sorted(files, key=day_and_place)


def records_of(path: Path, source: Source) -> Iterator[tuple[int, str]]:
    """The records of a file: their numbers, from 1, and their texts."""
    feed = source.feeds[path.parent.name]
    assert isinstance(feed, FolderFeed)
    for ordinals, payloads, _ in parse_file(path.read_bytes(), feed.layout):
        for ordinal, payload in zip(ordinals.to_pylist(), payloads.to_pylist(), strict=True):
            yield ordinal, payload or ""


class Pace:
    """Lets so many events pass in a second, counted from the first."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._began = time.monotonic()
        self._passed = 0

    def wait(self, events: int) -> None:
        """Waits until so many more may pass."""
        if self._per_second is not None:
            ahead = self._began + self._passed / self._per_second - time.monotonic()
            time.sleep(max(0.0, ahead))
            self._passed += events
