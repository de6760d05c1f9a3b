"""`reader: kinesis`: a Kinesis stream. Spark reads it on Databricks only: it is pulled, in the same way on both."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.sources.connections import AwsConnection, Text
from common.sources.feed import FeedAt, Sight, Sights, Tell, silent
from common.sources.files.first_records import MAX_FILES, MAX_RECORDS, FileLook, Record, payloads_of
from common.sources.files.signs import warnings_of
from common.sources.pulling.kinesis import KinesisPuller, record_of, shard_of
from common.sources.pulling.kinesis_stream import Arrived, KinesisStream
from common.sources.pulling.pull import Landed
from common.sources.pulling.pulled_feed import PulledFeed


class KinesisFeed(PulledFeed):
    """A feed of one stream. `starts` says where a new feed begins; its records hold JSON."""

    reader: Literal["kinesis"]
    connection: Text
    stream_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$", alias="stream")]
    starts: Literal["trim_horizon", "latest"] = "trim_horizon"

    connects_to: ClassVar[str | None] = "aws"

    @property
    def reading(self) -> str:
        """Kinesis' records hold JSON."""
        return "kinesis, json"

    def place(self, at: FeedAt) -> str:
        """The stream, and where it is."""
        return self._stream(at).place

    def puller(self, at: FeedAt, tell: Tell = silent) -> KinesisPuller:
        """Who pulls; `tell` is told of what is tried again."""
        return KinesisPuller(self._stream(at, tell), self.starts == "latest", tell)

    def settled(self, names: Sequence[str]) -> Sequence[str]:
        """All but the newest of each shard: that is the shard's position."""
        newest = {shard_of(name): name for name in sorted(names)}
        return [name for name in names if name != newest[shard_of(name)]]

    def look(self, at: FeedAt) -> Sights:
        """The stream, how far its shards are read, and their first records."""
        stream = self._stream(at)
        state, puller = stream.state(), self.puller(at)
        landed = Landed(Path(at.pulled))
        is_open = [shard for shard in state.shards if not shard.is_closed]
        found = f"{len(is_open)} open shards of {len(state.shards)}; records are kept for {state.retention_hours} hours"
        things = [Sight(stream.place, found)]
        for shard in is_open:
            after = puller.position(landed, shard.name) if landed.folder.is_dir() else None
            first = next(stream.answers(shard.name, after), None)
            words = "nothing is pulled yet" if after is None else f"pulled up to {after}"
            if first is not None and first.records:
                words += f"; more is there, the end is {first.behind_milliseconds / 1000:,.0f} s after that"
            things.append(Sight(shard.name, words))
        looked = state.shards[:MAX_FILES]
        most = MAX_RECORDS // len(looked)
        looks = [_look(stream.name, shard.name, islice(_first(stream, shard.name), most)) for shard in looked]
        return Sights(things, looks, len(looked), warnings_of(payloads_of(looks), self.layout))

    def _stream(self, at: FeedAt, tell: Tell = silent) -> KinesisStream:
        assert isinstance(at.connection, AwsConnection)
        return KinesisStream(at.connection, at.connection_option, at.settings, self.stream_name, tell)


def _first(stream: KinesisStream, shard: str) -> Iterator[Arrived]:
    """The records of the shard's first answers; some may be empty, though more follow."""
    for answer in islice(stream.answers(shard, None), 10):
        yield from answer.records
        if not answer.records and not answer.behind_milliseconds:
            return


def _look(stream: str, shard: str, first: Iterator[Arrived]) -> FileLook:
    records = [record_of(stream, shard, arrived) for arrived in first]
    path = f"{stream}/{shard}"
    shown = (Record(path, number, record.payload, record.error) for number, record in enumerate(records, start=1))
    return FileLook(path, tuple(shown))
