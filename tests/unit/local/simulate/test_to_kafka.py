"""The simulated world sent to topics of a real broker, with no Spark: everything arrives, untouched, with its key."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_files import small_world

from common.errors import FeedError, SecretError
from common.settings import repository, settings_from
from common.sources.declaration import Source, load_source
from common.sources.files.feed_of_files import FolderFeed
from common.sources.files.parsing import parse_file
from common.sources.kafka import patience
from common.sources.kafka.topic import RawRecord, Topic
from common.sources.readers.kafka import KafkaFeed
from local.simulate import simulate
from local.simulate.outbox import is_empty
from local.simulate.to_kafka import KEYS, Sending
from servers.kafka import Broker

FILES = load_source(repository() / "sources", "simulated")
TOPICS = load_source(repository() / "sources", "simulated_kafka")


@pytest.fixture
def broker(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """A broker without topics, which the declaration of the simulated topics names."""
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_SERVERS", broker.servers)
    yield broker
    broker.empty()


def made(landing: Path, name: str) -> Counter[str]:
    """The payloads of a feed's files, as bronze has them."""
    files = FILES.feeds[name]
    assert isinstance(files, FolderFeed)
    found: Counter[str] = Counter()
    for path in sorted((landing / "simulated" / name).iterdir()):
        for chunk in parse_file(path.read_bytes(), files.layout):
            found.update(payload or "" for payload in chunk[1].to_pylist())
    return found


def arrived(source: Source, name: str) -> list[RawRecord]:
    feed = source.feeds[name]
    assert isinstance(feed, KafkaFeed)
    topic = Topic(feed.topic, source.at(name, settings_from()))
    return topic.first_records(topic.offsets(topic.described().partitions), 100_000)


def test_everything_arrives_untouched(broker: Broker, tmp_path: Path) -> None:
    landing, outbox = tmp_path / "landing", tmp_path / "outbox"
    for folder in (landing, outbox):
        simulate(folder, small_world())
    assert not is_empty(outbox)
    with Sending(outbox) as sending:
        assert sending.send()
    assert is_empty(outbox)
    for name in FILES.feeds:
        records = arrived(TOPICS, name)
        assert Counter(record.value.decode() for record in records if record.value is not None) == made(landing, name)
        for record in records:
            if record.key is not None:
                assert json.loads(record.value or b"")[KEYS[name]] == record.key.decode()
        assert sum(record.key is not None for record in records) > 0.9 * len(records)
    of_one_key = Counter((record.key, record.partition) for record in arrived(TOPICS, "customers"))
    assert len(of_one_key) == len({key for key, _ in of_one_key}), "what is known of one customer is in one partition"


def test_a_sending_that_was_ended_goes_on(broker: Broker, tmp_path: Path) -> None:
    landing, outbox = tmp_path / "landing", tmp_path / "outbox"
    for folder in (landing, outbox):
        simulate(folder, small_world())
    with Sending(outbox, per_second=400, seconds=0.5) as sending:
        assert not sending.send()
    assert 0 < sending.sent.total() < sum(made(landing, name).total() for name in FILES.feeds)
    with Sending(outbox) as sending:
        assert sending.send()
    for name in FILES.feeds:
        records = arrived(TOPICS, name)
        assert Counter(record.value.decode() for record in records if record.value is not None) == made(landing, name)


def test_no_broker_and_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)
    with pytest.raises(SecretError, match="LAKEHOUSE_SECRET_KAFKA_SERVERS"):
        Sending(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_SERVERS", "127.0.0.1:1")
    with pytest.raises(FeedError, match=r"no broker answers at 127\.0\.0\.1:1"):
        Sending(tmp_path)
