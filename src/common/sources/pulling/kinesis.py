"""Pulls the records of a Kinesis stream: of each shard what comes after its last landed sequence number.

A landed file is named by its shard and its last record's number, so that what is landed is the position. A small file
beside it notes what is no position: when each shard was read to its end, by which losses are found.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from common.errors import FeedError
from common.sources.feed import Tell, silent
from common.sources.files.landed import Record, landed_lines
from common.sources.pulling.kinesis_stream import Arrived, KinesisStream, Shard, StreamState
from common.sources.pulling.pull import Landed, Portion

DIGITS = 56
"""A sequence number has no more; with zeros before it, it sorts as a text."""
FILE_RECORDS, FILE_BYTES = 50_000, 16 * 1024**2
"""A landed file is not larger than this by more than one answer."""

AGGREGATED = (
    "several records in one, as the Kinesis Producer Library makes them: set its AggregationEnabled to false, "
    "or have them taken apart before"
)
NOT_UTF8 = "not UTF-8"
_A_SECOND = timedelta(seconds=1)
"""The server's time is told in whole seconds, rounded down."""
_AGGREGATED_BEGINS = b"\xf3\x89\x9a\xc2"


def shard_of(name: str) -> str:
    """What the names of a shard's landed files begin with."""
    return name.rpartition("_")[0] + "_"


def record_of(stream: str, shard: str, arrived: Arrived) -> Record:
    """A record with its reference `STREAM/SHARD@NUMBER#1`; or why it can't be read."""
    ref = f"{stream}/{shard}@{arrived.sequence.zfill(DIGITS)}#1"
    if arrived.data.startswith(_AGGREGATED_BEGINS):
        return Record(ref, None, AGGREGATED)
    try:
        return Record(ref, arrived.data.decode())
    except UnicodeDecodeError:
        return Record(ref, None, NOT_UTF8)


@dataclass
class Notes:
    """What is remembered of a stream: when it was made, where the feed began, and how far each shard was read.

    `ends` has the time at which a shard was last read to its end; `read_out` are closed shards without a rest; `lost`
    what may be lost, until it is reported.
    """

    created: str = ""
    since: str | None = None
    ends: dict[str, str] = field(default_factory=dict)
    read_out: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass
class KinesisPuller:
    """Pulls a stream. `from_latest`: a feed that is new begins with what comes from then on."""

    stream: KinesisStream
    from_latest: bool = False
    tell: Tell = silent

    def portions(self, landed: Landed) -> Iterator[Portion]:
        """The records of every shard up to now, parents before their children.

        Raises:
            FeedError: the service fails or refuses; the stream was made anew; or, after all that is there is landed,
                the stream forgot records before they were read.
        """
        state = self.stream.state()
        notes = self._notes(landed, state)
        notes.lost = notes.lost or _lost(notes, state)
        for shard in state.shards:
            if shard.name not in notes.read_out:
                yield from self._shard(landed, shard, notes, state)
                notes.ends[shard.name] = state.now.isoformat()
                _keep(landed, notes)
        there = {shard.name for shard in state.shards}
        notes.ends = {name: at for name, at in notes.ends.items() if name in there}
        notes.read_out = [name for name in notes.read_out if name in there]
        lost, notes.lost = notes.lost, []
        _keep(landed, notes)
        if lost:
            raise FeedError(
                f"{self.stream.place} keeps records for {state.retention_hours} hours, and they were not read in time: "
                f"{'; '.join(lost)}. What the stream still has is pulled, and the next run goes on after it. Run more "
                "often than that, or have the stream keep records longer (IncreaseStreamRetentionPeriod)"
            )

    def confirm(self, portion: Portion) -> None:
        """Nothing: the stream forgets by itself."""

    def position(self, landed: Landed, shard: str) -> str | None:
        """The number of the shard's last landed record, without the zeros before it."""
        newest = landed.newest(self._prefix(shard))
        return newest.removeprefix(self._prefix(shard)).partition(".")[0].lstrip("0") if newest else None

    def _shard(self, landed: Landed, shard: Shard, notes: Notes, state: StreamState) -> Iterator[Portion]:
        since = datetime.fromisoformat(notes.since) if notes.since else None
        waiting: list[Arrived] = []
        is_last = False
        for answer in self.stream.answers(shard.name, self.position(landed, shard.name), since):
            waiting += answer.records
            if len(waiting) >= FILE_RECORDS or sum(len(record.data) for record in waiting) >= FILE_BYTES:
                yield self._portion(shard.name, waiting)
                waiting = []
            is_end = not answer.records and not answer.behind_milliseconds
            is_last = answer.is_last or (is_end and shard.is_closed)
            # A busy stream has no end: what arrives from now on is the next pull's. A closed shard has one.
            is_late = bool(answer.records) and answer.records[-1].at > state.now + _A_SECOND and not shard.is_closed
            if is_end or is_last or is_late:
                break
        if waiting:
            yield self._portion(shard.name, waiting)
        if is_last:
            notes.read_out.append(shard.name)

    def _portion(self, shard: str, arrived: list[Arrived]) -> Portion:
        name = f"{self._prefix(shard)}{arrived[-1].sequence.zfill(DIGITS)}.jsonl"
        records = [record_of(self.stream.name, shard, one) for one in arrived]
        return Portion(name, landed_lines(records), arrived[-1].at.timestamp())

    def _prefix(self, shard: str) -> str:
        return f"{self.stream.name}__{shard}_"

    def _notes(self, landed: Landed, state: StreamState) -> Notes:
        """What is remembered; made where the feed is new."""
        path, created = _file(landed), state.created.isoformat()
        if not path.exists():
            is_new = not landed.names(f"{self.stream.name}__")
            notes = Notes(created, state.now.isoformat() if self.from_latest and is_new else None)
            _keep(landed, notes)
            return notes
        notes = Notes(**json.loads(path.read_text()))
        if notes.created != created:
            raise FeedError(
                f"{self.stream.place} was deleted and made anew: it is of {created}, the feed's of {notes.created}. "
                "Its records are others: declare it as another feed, and leave this one out when you don't need it"
            )
        return notes


def _lost(notes: Notes, state: StreamState) -> list[str]:
    """Shards that had time to forget records since they were last read to their end."""
    kept_since = state.now - timedelta(hours=state.retention_hours)
    return [
        f"{shard} was read to its end last at {at}; what came until {kept_since.isoformat()} may be gone"
        for shard, at in notes.ends.items()
        if shard not in notes.read_out and datetime.fromisoformat(at) < kept_since
    ]


def _file(landed: Landed) -> Path:
    return landed.folder / ".shards.json"


def _keep(landed: Landed, notes: Notes) -> None:
    landed.keep(_file(landed), json.dumps(asdict(notes)))
