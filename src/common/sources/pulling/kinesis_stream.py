"""A Kinesis stream: its shards, and the records of a shard after a position; asked again where that may help."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from common.errors import FeedError
from common.settings import Settings
from common.sources.aws_api import api_of
from common.sources.clients import client
from common.sources.connections import AwsConnection, value_of
from common.sources.feed import Tell, silent
from common.sources.pulling.retries import patiently

CONNECT_SECONDS, ANSWER_SECONDS = 15, 60
MOST_RECORDS = 10_000
"""Kinesis gives no more records in one answer."""
PAUSE_SECONDS = 0.2
"""Kinesis takes five questions a second of a shard; an answer without records, on the way to the end, is usual."""

_PASSING = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "Throttling",
    "KMSThrottlingException",
    "RequestLimitExceeded",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shard:
    """A shard. `parents` are those that were split or merged into it; a closed one gets no new records."""

    name: str
    parents: frozenset[str]
    is_closed: bool


@dataclass(frozen=True)
class StreamState:
    """A stream as it is: when it was made, its shards with parents before their children, and the server's time."""

    created: datetime
    retention_hours: int
    shards: tuple[Shard, ...]
    now: datetime


class Arrived(NamedTuple):
    """A record of a shard."""

    sequence: str
    at: datetime
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What a shard gave at once. `behind_milliseconds` is how far its end is; `is_last`: it is closed and read out."""

    records: tuple[Arrived, ...]
    behind_milliseconds: int
    is_last: bool


@dataclass
class KinesisStream:
    """A stream of an account; `option` is where its connection is declared, for messages."""

    connection: AwsConnection
    option: str
    settings: Settings
    name: str
    tell: Tell = silent

    @property
    def place(self) -> str:
        """The stream's name, and where it is."""
        endpoint = self.connection.endpoint
        where = value_of(endpoint, self.settings) if endpoint else self.connection.region
        return f"stream {self.name} at {where}"

    @cached_property
    def api(self) -> Any:
        """Its client, which tries nothing again by itself."""
        return api_of("kinesis", self.connection, self.settings, CONNECT_SECONDS, ANSWER_SECONDS)

    def state(self) -> StreamState:
        """The stream as it is now.

        Raises:
            FeedError: there is no such stream, the account may not see it, or the service fails.
        """
        answer = self._try("looking at it", lambda: self.api.describe_stream_summary(StreamName=self.name))
        summary = answer["StreamDescriptionSummary"]
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        hours = int(summary["RetentionPeriodHours"])
        created = summary["StreamCreationTimestamp"].astimezone(UTC)
        return StreamState(created, hours, tuple(parents_first(self._shards())), now)

    def answers(self, shard: str, after: str | None, since: datetime | None = None) -> Iterator[Answer]:
        """What a shard has after a sequence number; or since a time; or all. It ends where a closed shard ends.

        Raises:
            FeedError: the service fails or refuses.
        """
        iterator = self._iterator(shard, after, since)
        while iterator is not None:
            answer = self._records(shard, iterator)
            if answer is None:
                iterator = self._iterator(shard, after, since)
                continue
            records = tuple(
                Arrived(record["SequenceNumber"], record["ApproximateArrivalTimestamp"], record["Data"])
                for record in answer["Records"]
            )
            after = records[-1].sequence if records else after
            iterator = answer.get("NextShardIterator")
            behind = int(answer.get("MillisBehindLatest", 0))
            yield Answer(records, behind, iterator is None)
            if behind and not records:
                time.sleep(PAUSE_SECONDS)

    def _records(self, shard: str, iterator: str) -> Any:
        """An answer; None where the iterator has expired, as it does after five minutes."""

        def ask() -> Any:
            try:
                return self.api.get_records(ShardIterator=iterator, Limit=MOST_RECORDS)
            except self.api.exceptions.ExpiredIteratorException:
                return None

        return self._try(f"reading {shard}", ask)

    def _iterator(self, shard: str, after: str | None, since: datetime | None) -> str:
        start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        elif since is not None:
            start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}
        ask = lambda: self.api.get_shard_iterator(StreamName=self.name, ShardId=shard, **start)  # noqa: E731
        return str(self._try(f"finding a place in {shard}", ask)["ShardIterator"])

    def _shards(self) -> list[Shard]:
        found: list[Shard] = []
        asked: dict[str, str] = {"StreamName": self.name}
        while asked:
            answer = self._list(asked)
            found += map(_shard, answer["Shards"])
            asked = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
        return found

    def _list(self, asked: dict[str, str]) -> Any:
        return self._try("listing its shards", lambda: self.api.list_shards(**asked))

    def _try(self, doing: str, step: Callable[[], Result]) -> Result:
        exceptions = client("botocore.exceptions", "aws")
        try:
            return patiently(step, f"{self.place}, {doing}", _may_pass, self.tell, "aws")
        except exceptions.ClientError as error:
            code = _code(error)
            if code == "ResourceNotFoundException":
                raise FeedError(f"{self.place}: there is none of that name: {_message(error)}") from None
            raise FeedError(
                f"{self.place}, {doing}: refused, {code}: {_message(error)}. Check the credentials of {self.option}, "
                "and that they may DescribeStreamSummary, ListShards, GetShardIterator and GetRecords"
            ) from None
        except exceptions.BotoCoreError as error:  # no credentials, or incomplete ones
            raise FeedError(f"{self.place}, {doing}: {error}. Check the credentials of {self.option}") from None


def parents_first(shards: list[Shard]) -> list[Shard]:
    """The shards in an order in which a key's records are in theirs: those of a parent came before its children's."""
    waiting = {shard.name: shard for shard in sorted(shards, key=lambda shard: shard.name)}
    ordered: list[Shard] = []
    while waiting:
        ready = [shard for shard in waiting.values() if not shard.parents & waiting.keys()]
        for shard in ready:
            ordered.append(waiting.pop(shard.name))
    return ordered


def _shard(given: dict[str, Any]) -> Shard:
    parents = {given.get("ParentShardId"), given.get("AdjacentParentShardId")} - {None}
    return Shard(
        given["ShardId"], frozenset(map(str, parents)), bool(given["SequenceNumberRange"].get("EndingSequenceNumber"))
    )


def _may_pass(error: BaseException) -> bool:
    exceptions = client("botocore.exceptions", "aws")
    if isinstance(error, exceptions.ClientError):
        return _code(error) in _PASSING or error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500
    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _message(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Message", error))
