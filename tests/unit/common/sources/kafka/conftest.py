"""A broker for each file of tests, and feeds of its topics."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.settings import Settings
from common.sources.declaration import Source
from common.sources.feed import FeedAt
from common.sources.readers.kafka import KafkaFeed
from servers.kafka import Broker

Made = tuple[KafkaFeed, FeedAt]
MAP = {
    "map": {"transaction_id": "id", "event_time": "at", "customer_id": "who", "amount": "amount", "currency": "'EUR'"}
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    server = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.start()
    finally:
        server.stop()


def source_of(connection: dict[str, Any], **options: Any) -> Source:
    """A source of one feed, `payments`."""
    feed = {"reader": "kafka", "connection": "broker", "into": {"transactions": {"map": COLUMNS}}, **options}
    return Source.model_validate(
        {
            "name": "bank",
            "description": "A bank's topics.",
            "connections": {"broker": {"kind": "kafka", **connection}},
            "feeds": {"payments": feed},
        }
    )


@pytest.fixture
def feed(broker: Broker, tmp_path: Path) -> Callable[..., Made]:
    """A feed of the broker; `connection` says more of how it is reached."""

    def make(topic: str, connection: dict[str, Any] | None = None, **options: Any) -> Made:
        source = source_of({"servers": broker.servers, **(connection or {})}, topic=topic, **options)
        made = source.feeds["payments"]
        assert isinstance(made, KafkaFeed)
        return made, source.at("payments", Settings(home=tmp_path))

    return make
