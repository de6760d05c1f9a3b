"""Sends a world's records to topics of Kafka: those of sources/simulated_kafka.yml, with a key where there is one.

The world's days are made as files in an outbox. How many records of a file were taken is noted beside them, so that a
sending that was ended goes on where it was. One that was killed sends the records since the last note again.
"""

import json
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from common.errors import FeedError
from common.settings import repository, settings_from
from common.sources.clients import client
from common.sources.connections import KafkaConnection
from common.sources.declaration import load_source
from common.sources.kafka.connecting import client_settings, servers_of
from common.sources.kafka.topic import Topic
from common.sources.readers.kafka import KafkaFeed
from local.simulate.landing import SOURCE
from local.simulate.outbox import Pace, in_order, records_of
from local.workspace import read_json, write_json

TARGET = f"{SOURCE}_kafka"
PARTITIONS = 3
"""Of a topic that is made here."""
KEYS = {
    "customers": "customer_id",
    "accounts": "account_id",
    "merchants": "id",
    "terminals": "terminal",
    "transactions": "account",
    "fraud_reports": "transaction_id",
}
"""The fields whose values are keys: what is known of one thing stays in order."""
_TOGETHER = 100
"""Records that are sent at once, at most; of few a second, so many that there are ten sendings a second."""
_NOTE_SECONDS = 1.0
_FLUSH_SECONDS = 30.0


class Sending:
    """A sending of an outbox to the topics; topics that are not there are made.

    `per_second` bounds the records of a second, `seconds` the time of all calls of `send` together.

    Raises:
        FeedError: no broker answers, or it refuses.
        SecretError: the connection's secrets are nowhere to be found.
    """

    def __init__(self, outbox: Path, per_second: float | None = None, seconds: float | None = None) -> None:
        self._folder, self._files = outbox / SOURCE, load_source(repository() / "sources", SOURCE)
        topics, settings = load_source(repository() / "sources", TARGET), settings_from()
        connection = topics.at("transactions", settings).connection
        assert isinstance(connection, KafkaConnection)
        self._topic_of = {name: feed.topic for name, feed in topics.feeds.items() if isinstance(feed, KafkaFeed)}
        self.servers = servers_of(connection, settings)
        self.sent: Counter[str] = Counter()
        self._note = outbox / SOURCE / ".world" / "sent.json"
        self._checked = Topic(self._topic_of["transactions"], topics.at("transactions", settings))
        self._failed: list[str] = []
        kafka, settings_ = client("confluent_kafka", "kafka"), client_settings(connection, settings)
        _make_topics(settings_, sorted(set(self._topic_of.values()) - set(self._checked.others())))
        self._producer = kafka.Producer({**settings_, "enable.idempotence": True, "linger.ms": 10, "log_level": 0})
        self._rate = per_second
        self._pace = Pace(per_second)
        self._end = None if seconds is None else time.monotonic() + seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self._flush()

    def send(self) -> bool:
        """Sends the outbox, day by day, and removes each file that was sent; False where the time was up before.

        Raises:
            FeedError: brokers don't take what is sent; what was noted as sent stays so.
        """
        for path in in_order(self._folder, self._files):
            noted = read_json(self._note) or {}
            done = int(noted["records"]) if noted.get("file") == path.name else 0
            if not self._send_file(path, done):
                return False
            self._flush()
            path.unlink()
        return self._is_time_left()

    def _send_file(self, path: Path, done: int) -> bool:
        feed = path.parent.name
        topic, together = self._topic_of[feed], self._together()
        noted = time.monotonic()
        records = [(_key(text, KEYS[feed]), text) for _, text in records_of(path, self._files)]
        for first in range(done, len(records), together):
            if not self._is_time_left():
                return False
            some = records[first : first + together]
            self._pace.wait(len(some))
            for key, value in some:
                self._produce(topic, key, value)
            self.sent[topic] += len(some)
            if time.monotonic() - noted > _NOTE_SECONDS or not self._is_time_left():
                self._flush()
                write_json(self._note, {"file": path.name, "records": first + len(some)})
                noted = time.monotonic()
        return True

    def _produce(self, topic: str, key: str | None, value: str) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._delivered)
                break
            except BufferError:  # it is full of what was not taken yet
                self._producer.poll(0.1)
        self._producer.poll(0)
        self._raise_failure()

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(f"{error.name()}: {error.str()}")

    def _flush(self) -> None:
        left = self._producer.flush(_FLUSH_SECONDS)
        self._raise_failure()
        if left:
            raise FeedError(f"{self.servers} did not take {left:,} records in {_FLUSH_SECONDS:.0f} s: try again")

    def _raise_failure(self) -> None:
        if self._failed:
            raise self._checked.explained(self._failed[0])

    def _together(self) -> int:
        return _TOGETHER if self._rate is None else max(1, min(_TOGETHER, round(self._rate / 10)))

    def _is_time_left(self) -> bool:
        return self._end is None or time.monotonic() < self._end


def _make_topics(settings: dict[str, str], names: list[str]) -> None:
    if not names:
        return
    admin = client("confluent_kafka.admin", "kafka")
    asked = admin.AdminClient(settings)
    for future in asked.create_topics([admin.NewTopic(name, PARTITIONS, -1) for name in names]).values():
        future.result(_FLUSH_SECONDS)


def _key(payload: str, field: str) -> str | None:
    """The value of the field; None where the record is none that has it."""
    try:
        fields = json.loads(payload)
        value = fields[field]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return value if isinstance(value, str) else None
