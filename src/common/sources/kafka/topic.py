"""A topic as its brokers describe it: its id, its partitions, where they begin and end, and their first records."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from common.errors import FeedError
from common.sources.clients import client
from common.sources.connections import KafkaConnection
from common.sources.feed import FeedAt
from common.sources.kafka.connecting import client_settings, servers_of, user_of
from common.sources.kafka.failures import cause_of, failure
from common.sources.kafka.patience import note_answer, note_silence, patience

_FINAL = ("login", "certificate")
"""What another try doesn't change."""
_QUIET = logging.getLogger("librdkafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass(frozen=True)
class Description:
    """A topic: `id` is 32 hex digits, another one when it was deleted and made again."""

    id: str
    partitions: tuple[int, ...]
    is_readable: bool


@dataclass(frozen=True)
class RawRecord:
    """A record as it lies in the topic; `timestamp` in milliseconds since 1970."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: tuple[tuple[str, bytes | None], ...]


class Topic:
    """A topic of a connection. Every method raises FeedError, in one sentence, where it can't be done."""

    def __init__(self, name: str, at: FeedAt) -> None:
        assert isinstance(at.connection, KafkaConnection)
        self._name, self._at, self._connection = name, at, at.connection
        self._seen: list[str] = []

    def described(self) -> Description:
        """Its id and partitions."""
        admin = client("confluent_kafka.admin", "kafka")
        kafka = client("confluent_kafka", "kafka")
        found = self._answers(
            self._admin.describe_topics(
                kafka.TopicCollection([self._name]),
                include_authorized_operations=True,
                request_timeout=patience(self._brokers),
            )
        )[self._name]
        bits = (found.topic_id.get_most_significant_bits(), found.topic_id.get_least_significant_bits())
        operations = found.authorized_operations
        return Description(
            "".join(f"{each & (2**64 - 1):016x}" for each in bits),
            tuple(sorted(partition.id for partition in found.partitions)),
            operations is None or admin.AclOperation.READ in operations,
        )

    def check_readable(self, description: Description) -> None:
        """Raises FeedError where the user may see the topic, and not read it."""
        if not description.is_readable:
            raise self.explained("AUTHORIZATION_FAILED")

    def offsets(self, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Of each partition its first offset, and the one after its last committed record."""
        admin = client("confluent_kafka.admin", "kafka")
        kafka = client("confluent_kafka", "kafka")
        wanted = [kafka.TopicPartition(self._name, number) for number in partitions]
        ends = []
        for spec in (admin.OffsetSpec.earliest(), admin.OffsetSpec.latest()):
            found = self._answers(
                self._admin.list_offsets(
                    dict.fromkeys(wanted, spec),
                    isolation_level=kafka.IsolationLevel.READ_COMMITTED,
                    request_timeout=patience(self._brokers),
                )
            )
            ends.append({partition.partition: int(result.offset) for partition, result in found.items()})
        return {number: (first, ends[1][number]) for number, first in ends[0].items()}

    def others(self) -> list[str]:
        """The names of the topics that the user may see."""
        kafka = client("confluent_kafka", "kafka")
        try:
            return sorted(
                name for name in self._admin.list_topics(timeout=patience(self._brokers)).topics if name[:2] != "__"
            )
        except kafka.KafkaException as error:
            raise self.explained(_words(error.args[0])) from None

    def first_records(self, offsets: Mapping[int, tuple[int, int]], most: int) -> list[RawRecord]:
        """The first committed records of each partition, at most so many of all together; no offset is committed."""
        kafka = client("confluent_kafka", "kafka")
        full = {number: first for number, (first, end) in offsets.items() if end > first}
        if not full:
            return []
        own = {"group.id": "lakehouse-look", "enable.auto.commit": False, "enable.partition.eof": True}
        consumer = kafka.Consumer({**self._settings, **own, "isolation.level": "read_committed"})
        consumer.assign([kafka.TopicPartition(self._name, number, first) for number, first in full.items()])
        found: list[RawRecord] = []
        share, waiting, end = -(-most // len(full)), dict.fromkeys(full, 0), time.monotonic() + patience(self._brokers)
        try:
            while waiting and time.monotonic() < end:
                for message in consumer.consume(500, 0.5):
                    number = message.partition()
                    if message.error() is not None:
                        if message.error().code() != kafka.KafkaError._PARTITION_EOF:
                            raise self.explained(_words(message.error()))
                        waiting.pop(number, None)
                    elif number in waiting:
                        found.append(_record(message))
                        waiting[number] += 1
                        if waiting[number] == share:
                            del waiting[number]
        finally:
            consumer.close()
        return found[:most]

    def explained(self, text: str) -> FeedError:
        """A client's words as a sentence that names server, topic and way out."""
        settings, here = self._at.settings, self._at.stream
        servers, user = servers_of(self._connection, settings), user_of(self._connection, settings)
        if cause_of(text) == "broker":
            note_silence(self._brokers)
        known = failure(text, self._name, servers, user, settings.how_to_reset(here))
        return known or FeedError(f"{servers}: {text}")

    @cached_property
    def _brokers(self) -> str:
        return f"{self._connection.security} {servers_of(self._connection, self._at.settings)}"

    @cached_property
    def _settings(self) -> dict[str, Any]:
        own = {"error_cb": lambda error: self._seen.append(_words(error)), "logger": _QUIET}
        return {**client_settings(self._connection, self._at.settings), **own}

    @cached_property
    def _admin(self) -> Any:
        return self._client(client("confluent_kafka.admin", "kafka").AdminClient, self._settings)

    def _client(self, kind: Any, settings: dict[str, Any]) -> Any:
        kafka = client("confluent_kafka", "kafka")
        try:
            return kind(settings)
        except kafka.KafkaException as error:
            where = self._at.option("connection")
            raise FeedError(f"{where}: Kafka's client refuses its settings: {_words(error.args[0])}") from None

    def _answers(self, futures: Mapping[Any, Any]) -> dict[Any, Any]:
        """What the brokers answer. What was seen meanwhile says more than that time is up."""
        kafka = client("confluent_kafka", "kafka")
        end = time.monotonic() + patience(self._brokers)
        answers = {}
        for asked, future in futures.items():
            while asked not in answers:
                self._admin.poll(0)
                final = next((words for words in self._seen if cause_of(words) in _FINAL), None)
                try:
                    answers[asked] = future.result(0.1)
                except TimeoutError:
                    if final or time.monotonic() > end:
                        raise self.explained(final or "_TIMED_OUT") from None
                except kafka.KafkaException as error:
                    raise self.explained(final or _words(error.args[0])) from None
        note_answer(self._brokers)
        return answers


def _words(error: Any) -> str:
    return f"{error.name()}: {error.str()}"


def _record(message: Any) -> RawRecord:
    kind, milliseconds = message.timestamp()
    headers = tuple((name, value) for name, value in message.headers() or ())
    return RawRecord(
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        milliseconds if kind else None,
        headers,
    )
