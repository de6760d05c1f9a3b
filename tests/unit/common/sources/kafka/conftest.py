"""A broker for each file of tests, and feeds of its topics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.settings import Settings
from common.sources.declaration import Source
from common.sources.feed import FeedAt
from common.sources.readers.kafka import KafkaFeed
from servers.kafka import Broker

Made = tuple[KafkaFeed, FeedAt]
COLUMNS = {"transaction_id": "id", "event_time": "at", "customer_id": "who", "amount": "amount", "currency": "'EUR'"}


MakeSource = Callable[..., Source]


@pytest.fixture
def source_of(broker: Broker) -> MakeSource:
    """A source with a feed for each name, of its options; `connection` says more of how the broker is reached."""

    def make(connection: dict[str, Any] | None = None, **feeds: dict[str, Any]) -> Source:
        shared = {"reader": "kafka", "connection": "broker", "into": {"transactions": {"map": COLUMNS}}}
        return Source.model_validate(
            {
                "name": "bank",
                "description": "A bank's topics.",
                "connections": {"broker": {"kind": "kafka", "servers": broker.servers, **(connection or {})}},
                "feeds": {name: {**shared, **options} for name, options in feeds.items()},
            }
        )

    return make


@pytest.fixture
def feed(source_of: MakeSource, tmp_path: Path) -> Callable[..., Made]:
    """A feed of the broker."""

    def make(topic: str, connection: dict[str, Any] | None = None, **options: Any) -> Made:
        source = source_of(connection, payments={"topic": topic, **options})
        made = source.feeds["payments"]
        assert isinstance(made, KafkaFeed)
        return made, source.at("payments", Settings(home=tmp_path))

    return make
