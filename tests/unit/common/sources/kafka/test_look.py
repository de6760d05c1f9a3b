"""A look at a topic without its brokers."""

from types import SimpleNamespace
from typing import Any

import pytest

from common.settings import Settings
from common.sources.feed import FeedAt
from common.sources.kafka import look as looks
from common.sources.kafka import position
from common.sources.kafka.schema_registry import SchemaRegistry
from common.sources.kafka.topic import RawRecord
from common.sources.kafka.values import Values
from local.engine.startup import free_port


@pytest.mark.parametrize("formats", [("avro", "text"), ("json", "avro")])
def test_a_registry_that_is_away_hides_the_topic_from_no_look(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, formats: Any
) -> None:
    topic = SimpleNamespace(
        others=lambda: ["payments"],
        described=lambda: SimpleNamespace(id="abcdefghij", partitions=(0,), is_readable=True),
        offsets=lambda _: {0: (0, 2)},
        first_records=lambda *_: [RawRecord(0, 0, None, b"\0\0\0\0\1", None, ())],
    )
    monkeypatch.setattr(looks, "Topic", lambda *_: topic)
    monkeypatch.setattr(position, "next_offsets", lambda *_: {})
    registry = SchemaRegistry(f"http://127.0.0.1:{free_port()}")
    at = FeedAt("bank", "payments", Settings(home=tmp_path))

    sights = looks.look("payments", at, Values((), "refuse", None, *formats, registry))

    assert [sight.thing for sight in sights.things] == [
        "topic payments",
        "records",
        "not read yet",
        f"schema registry {registry.url}",
    ]
    assert "doesn't answer" in sights.things[-1].missing
    assert not sights.looks
