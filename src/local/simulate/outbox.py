"""A world's files on their way to where they are sent: in order of days, at a pace. A file that was sent is removed."""

import time
from pathlib import Path

from common.sources.declaration import Source
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
