"""What is known after a pull, and its files until they are landed: one commit, by one rename.

A pull first writes all that it found into a hidden folder beside the landed files: parts of records, the keys that it
saw, and last, by a rename, the note that names them all. That note is the position and the data together: killed
before it, the old one holds and the scraps are swept away; killed after it, the parts that are named and not yet
landed are landed by the next pull before anything else. A part is removed here when it is landed.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from common.errors import FeedError
from common.sources.pulling.postgres.tables.catalog import Table
from common.sources.pulling.postgres.times import time_of
from common.sources.pulling.pull import Landed, Portion
from common.storage.files import sync

FOLDER = ".pulls"
_BLOCK = 1024**2


@dataclass(frozen=True)
class Keys:
    """The keys of a table that are known to be there: the file of the last comparison, and when it was (µs)."""

    file: str
    buckets: int
    compared: int


@dataclass(frozen=True)
class TableState:
    """What is known of a table: every transaction before `horizon` is landed, and the later ones that are `seen`.

    `since` is a time (µs since 1970, the server's) after which all others have begun. `offset` is added to transactions
    in references, so that they rise even where the server counts from the beginning again. `digest` is of the whole
    content of a table without a key. `partitions` are the oids of those that were read; None in an earlier release's.
    """

    oid: int
    key: tuple[str, ...]
    server: str
    horizon: int
    end: int
    since: int
    offset: int = 0
    seen: tuple[int, ...] = ()
    digest: str = ""
    keys: Keys | None = None
    partitions: tuple[int, ...] | None = None

    def attached(self, table: Table) -> tuple[int, ...]:
        """The table's partitions that were attached since."""
        return tuple(oid for oid in table.partitions if self.partitions is not None and oid not in self.partitions)


@dataclass(frozen=True)
class State:
    """What is known after a pull, which was `taken` then (µs since 1970). `points` are ends and times of earlier ones.

    `parts` are its files of records, `fresh` those of the keys that were pulled since a table's last comparison.
    """

    taken: int = 0
    parts: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    points: tuple[tuple[int, int], ...] = ()
    server: str = ""
    tables: dict[str, TableState] = field(default_factory=dict)

    @property
    def files(self) -> frozenset[str]:
        """The files that the note names."""
        keys = [table.keys.file for table in self.tables.values() if table.keys]
        return frozenset((*self.parts, *self.fresh, *keys))


def stamp_of(micros: int) -> str:
    """The name of a pull: its time, which sorts."""
    return time_of(micros).strftime("%Y%m%dT%H%M%S%fZ")


class Store:
    """The hidden folder."""

    def __init__(self, landed: Landed) -> None:
        self._landed = landed
        self.folder = landed.folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)

    def state(self, landed: Landed) -> State:
        """What is known; scraps of a pull that was killed are removed.

        Raises:
            FeedError: files are landed that the note knows nothing of; or another pull has begun.
        """
        notes = sorted(self.folder.glob("*.json"))
        state = _read(notes[-1]) if notes else State()
        newest = landed.newest()
        if newest and newest > f"{stamp_of(state.taken)}~":
            raise FeedError(
                f"{landed.folder} holds {newest}, and {self.folder} knows nothing of it: part of the folder was "
                "removed or restored. Restore the rest of it, or remove all of it and the feed's bronze table and "
                "checkpoint: then everything is pulled again"
            )
        keep = {notes[-1].name, *state.files} if notes else set()
        landed.check()  # what is no scrap may be a newer pull's
        for file in list(self.folder.iterdir()):
            if file.name not in keep:
                file.unlink(missing_ok=True)
        return state

    def pending(self, state: State, landed: Landed) -> Iterator[Portion]:
        """The parts that are not landed yet."""
        for name in state.parts:
            file = self.folder / name
            if landed.has(name):
                file.unlink(missing_ok=True)
            elif file.exists():
                yield Portion(name, _blocks(file))

    def is_landed(self, name: str) -> None:
        """A part is landed: it isn't needed here."""
        (self.folder / name).unlink(missing_ok=True)

    def commit(self, state: State) -> None:
        """Makes a pull the last one. Its files are safe before."""
        stamp = stamp_of(state.taken)
        for name in state.files:
            if not name.startswith(stamp):  # of an earlier pull: safe already
                continue
            with (self.folder / name).open("rb") as written:
                sync(written.fileno())
        self._landed.keep(self.folder / f"{stamp}.json", json.dumps(asdict(state)), synced=True)


def _read(note: Path) -> State:
    content = json.loads(note.read_text(encoding="utf-8"))
    tables = {}
    for name, table in content["tables"].items():
        keys = Keys(**table["keys"]) if table["keys"] else None
        parts = None if table.get("partitions") is None else tuple(table["partitions"])
        lists = {"key": tuple(table["key"]), "seen": tuple(table["seen"]), "partitions": parts}
        tables[name] = TableState(**{**table, **lists, "keys": keys})
    points = tuple((end, taken) for end, taken in content["points"])
    files = {name: tuple(content[name]) for name in ("parts", "fresh")}
    return State(**{**content, **files, "points": points, "tables": tables})


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            yield block
