"""Looking at topics of a real broker: what is seen, what is missing, and each frequent failure in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from common.errors import FeedError, SecretError
from common.sources.feed import FeedAt
from common.sources.kafka import patience, position, schema_registry, topic
from common.sources.readers.kafka import KafkaFeed
from servers.kafka import PASSWORD, SCRAM, STRANGER, STRANGERS_PASSWORD, USER, Broker
from servers.schema_registry import SchemaRegistry, written

MakeFeed = Callable[..., tuple[KafkaFeed, FeedAt]]
LOGIN = {"user": USER, "password": {"secret": "kafka_password"}}  # pragma: allowlist secret


@pytest.fixture
def name(broker: Broker) -> str:
    """A topic of the test's own, with two partitions."""
    made = f"payments-{uuid4().hex[:8]}"
    broker.create(made, 2)
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.5)
    monkeypatch.setattr(patience, "PATIENCE_AGAIN_SECONDS", 0.5)


def stands_at(at: FeedAt, name: str, offsets: dict[str, int]) -> None:
    """A checkpoint as Spark leaves it after a micro-batch."""
    folder = Path(at.checkpoint)
    for part in ("offsets", "commits"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "metadata").write_text('{"id":"x"}')
    (folder / "commits" / "0").write_text("v1\n{}")
    (folder / "offsets" / "0").write_text("v1\n{}\n" + json.dumps({name: offsets}))


def test_a_topic_that_is_there_passes(broker: Broker, feed: MakeFeed, name: str) -> None:
    kafka, at = feed(name)
    kafka.check(at)
    before = kafka.position(at)
    assert before["ends"] == {"0": 0, "1": 0}
    broker.produce(name, [("k", "{}")])
    assert kafka.position(at)["ends"] == {"0": 1, "1": 0}
    assert kafka.position(at)["id"] == before["id"]


def test_a_look_shows_records_and_what_is_unread(broker: Broker, feed: MakeFeed, name: str) -> None:
    broker.produce(name, [("k", '{"id": 1.50}'), ("k", b"\xff"), ("k", None)])
    broker.produce(name, [("k", "no JSON")], partition=1)
    kafka, at = feed(name)
    stands_at(at, name, {"0": 2, "1": 0})
    sights = kafka.look(at)
    shown = {sight.thing: sight.found for sight in sights.things}
    assert shown[f"topic {name}"].startswith("2 partitions, id ")
    assert (shown["records"], shown["not read yet"]) == ("4", "2")
    found = sorted((r.path[-1], r.ordinal, r.payload, (r.error or "")[:11]) for r in sights.looks[0].records)
    assert found == [
        ("0", 0, '{"id": 1.50}', ""),
        ("0", 1, '{"base64": "/w=="}', "not UTF-8"),
        ("0", 2, None, "a tombstone"),
        ("1", 0, "no JSON", ""),
    ]


def test_a_look_shows_the_schema_registry_too(
    broker: Broker, feed: MakeFeed, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ValueError, match=r"connections\.broker: feeds\.payments needs `schema_registry: \{url: \.\.\.\}`"
    ):
        feed(name, format="avro")
    server = SchemaRegistry()
    number = server.register("string")
    broker.produce(name, [("k", written(number, "string", "é")), ("k", "{}")])
    monkeypatch.setenv("LAKEHOUSE_SECRET_REGISTRY", server.url)
    kafka, at = feed(name, {"schema_registry": {"url": {"secret": "registry"}}}, format="avro")
    kafka.check(at)
    sights = kafka.look(at)
    assert (sights.things[-1].thing, sights.things[-1].found) == (
        f"schema registry {server.url}",
        f"schemas of the first records: {number}",
    )
    assert [(r.payload, (r.error or "")[:28]) for r in sights.looks[0].records] == [
        ('"é"', ""),
        ('{"base64": "e30="}', "not in the schema registry's"),
    ]
    server.stop()
    monkeypatch.setattr(schema_registry, "ATTEMPTS", 1)
    with pytest.raises(FeedError, match=r"the schema registry .* doesn't answer"):
        kafka.check(at)
    sights = kafka.look(at)
    assert "doesn't answer" in sights.things[-1].missing
    assert (sights.things[0].thing, sights.looks) == (f"topic {name}", ())


def test_a_look_names_what_is_there_where_the_topic_is_not(feed: MakeFeed, name: str) -> None:
    kafka, at = feed("payment")
    sight = kafka.look(at).things[0]
    assert "not there" in sight.found
    assert name in sight.missing


def test_no_topic(feed: MakeFeed, broker: Broker) -> None:
    kafka, at = feed("nowhere")
    with pytest.raises(FeedError, match=rf"^{broker.servers} has no topic nowhere: create it, or correct `topic`$"):
        kafka.check(at)
    assert kafka.position(at) is None


@pytest.mark.usefixtures("impatient")
def test_no_broker(feed: MakeFeed) -> None:
    kafka, at = feed("payments", {"servers": "127.0.0.1:1"})
    with pytest.raises(FeedError, match=r"^no broker answers at 127\.0\.0\.1:1: start it, or correct `servers`"):
        kafka.check(at)
    assert patience.patience("PLAINTEXT 127.0.0.1:1") == 0.5, "of all feeds of the connection one waits long"
    with pytest.raises(FeedError, match="no broker answers"):
        kafka.look(at)


def test_brokers_that_did_not_answer_get_less_time_for_a_while(
    broker: Broker, feed: MakeFeed, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers = f"PLAINTEXT {broker.servers}"
    kafka, at = feed(name)
    patience.note_silence(brokers)
    assert patience.patience(brokers) == patience.PATIENCE_AGAIN_SECONDS
    kafka.check(at)
    assert patience.patience(brokers) == patience.PATIENCE_SECONDS, "they are back"
    patience.note_silence(brokers)
    monkeypatch.setattr(patience, "REMEMBERED_SECONDS", 0)
    assert patience.patience(brokers) == patience.PATIENCE_SECONDS


@pytest.mark.parametrize("way", ["sasl", "scram", "tls"])
def test_a_login(broker: Broker, feed: MakeFeed, name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    security = "SASL_SSL" if way == "tls" else "SASL_PLAINTEXT"
    servers = broker.tls if way == "tls" else broker.sasl
    connection = {**LOGIN, "servers": servers, "security": security}
    if way == "scram":
        broker.allow_scram()
        connection["mechanism"] = SCRAM
    connection |= {"ca": {"secret": "kafka_ca"}} if way == "tls" else {}  # pragma: allowlist secret
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_CA", broker.ca)
    kafka, at = feed(name, connection)
    with pytest.raises(SecretError, match="no secret 'kafka_password'"):
        kafka.check(at)
    assert kafka.position(at) is None, "only a run can tell"
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_PASSWORD", PASSWORD)
    kafka.check(at)
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_PASSWORD", "wrong")
    with pytest.raises(FeedError, match=rf"^{servers} refuses the login of the user lake: correct") as caught:
        kafka.check(at)
    assert "wrong" not in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_certificate_that_nobody_knows(broker: Broker, feed: MakeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_PASSWORD", PASSWORD)
    kafka, at = feed("payments", {**LOGIN, "servers": broker.tls, "security": "SASL_SSL"})
    with pytest.raises(FeedError, match=r"don't agree on TLS: give .* as `ca` of the connection"):
        kafka.check(at)


def test_no_right(broker: Broker, feed: MakeFeed, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_KAFKA_PASSWORD", STRANGERS_PASSWORD)
    connection = {**LOGIN, "user": STRANGER, "servers": broker.sasl, "security": "SASL_PLAINTEXT"}
    kafka, at = feed(name, connection)
    for _ in ("no right at all", "the right to see the topic"):
        with pytest.raises(FeedError, match=rf"^the user stranger may not read the topic {name} of"):
            kafka.check(at)
        broker.allow_to_describe(name)
    assert "right to read" in kafka.look(at).things[0].missing


def test_a_topic_that_was_made_again(broker: Broker, feed: MakeFeed, name: str) -> None:
    kafka, at = feed(name)
    broker.produce(name, [("k", "{}")] * 3)
    stands_at(at, name, {"0": 2, "1": 0})
    position.note_id(at, topic.Topic(name, at).described().id)
    kafka.check(at)
    broker.delete(name)
    broker.create(name, 2)
    broker.produce(name, [("k", "{}")] * 9)
    with pytest.raises(FeedError, match=r"deleted and made again .*`lakehouse reset bronze/bank/payments`"):
        kafka.check(at)


def test_where_a_new_stream_starts(feed: MakeFeed, name: str) -> None:
    kafka, at = feed(name, starts="latest")
    assert position.start_of(at, kafka.starts) == "latest"
    kafka.read_again(at, '{"0": 1}')
    assert position.start_of(at, kafka.starts) == '{"0": 1}'
    kafka.check(at)
    assert position.start_of(at, kafka.starts) == '{"0": 1}', "it has not begun yet"
    stands_at(at, name, {"0": 0, "1": 0})
    kafka.check(at)
    at.note("reads_again").touch()
    assert position.start_of(at, kafka.starts) == "earliest", "its checkpoint was lost"


def test_records_that_retention_took(broker: Broker, feed: MakeFeed, name: str) -> None:
    kafka, at = feed(name)
    broker.produce(name, [("k", "{}")] * 9)
    stands_at(at, name, {"0": 2, "1": 0})
    broker.delete_records(name, 2)
    kafka.check(at)
    broker.delete_records(name, 5)
    with pytest.raises(FeedError, match=r"3 of partition 0 \(offsets 2 to 4\).*`lakehouse reset bronze/bank/payments`"):
        kafka.check(at)
    assert kafka.look(at).things[-1].found == "3 of partition 0 (offsets 2 to 4)"
