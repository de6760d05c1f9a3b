"""Topics to bronze through Spark: each record once, whatever it is; and what Spark's own failures become."""

import base64
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Producer
from pyspark.sql import functions as F

from common.bronze.ingest import ingest
from common.bronze.unread import check_feeds
from common.contracts.bronze import bronze_table
from common.errors import FeedError
from common.sources.declaration import Source
from common.sources.kafka import connecting, position, schema_registry
from common.sources.kafka.topic import Topic
from common.sources.readers import kafka as reader
from common.storage.checkpoints import reset
from common.storage.lake import Lake
from servers.kafka import PASSWORD, SCRAM, STRANGER, STRANGERS_PASSWORD, USER, Broker
from servers.schema_registry import SchemaRegistry, written

MakeSource = Callable[..., Source]
Rows = dict[str, tuple[str | None, str | None]]


def bronze(lake: Lake, feed: str) -> Rows:
    """Payload and error by the reference after the topic's id."""
    rows = lake.table(bronze_table(feed)).select("source_ref", "payload", "read_error").collect()
    found = {row[0].partition("@")[2].partition("/")[2]: (row[1], row[2] and row[2][:11]) for row in rows}
    assert len(found) == len(rows), "a record is there twice"
    return found


def abort(broker: Broker, topic: str) -> None:
    """Sends a record in a transaction that is then given up."""
    producer = Producer({"bootstrap.servers": broker.servers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, "aborted", "k", partition=0)
    producer.flush(30)
    producer.abort_transaction(30)


def test_each_record_comes_once(lake: Lake, broker: Broker, source_of: MakeSource) -> None:
    broker.create("plain", 2)
    source = source_of(plain={"topic": "plain"})
    broker.produce("plain", [("k", '{"id": 1.50}'), ("k", b"\xff"), ("k", None)])
    abort(broker, "plain")
    assert ingest(lake, source).by_feed == {"plain": 3}
    broker.produce("plain", [("k", "no JSON")], partition=1)
    assert ingest(lake, source).by_feed == {"plain": 1}
    assert ingest(lake, source).by_feed == {"plain": 0}
    rows = {
        "0#0": ('{"id": 1.50}', None),
        "0#1": ('{"base64": "/w=="}', "not UTF-8"),
        "0#2": (None, "a tombstone"),
        "1#0": ("no JSON", None),
    }
    assert bronze(lake, "plain") == rows
    at = source.at("plain", lake.settings)
    topic_id = Topic("plain", at).described().id
    references = lake.table(bronze_table("plain")).where(F.col("source_ref") == f"plain@{topic_id[:8]}/0#1")
    assert references.count() == 1

    # Read again from the beginning, bronze takes only what it lacks; read again from an offset, what is before is not
    # missed.
    broker.produce("plain", [("k", "later")], partition=1)
    for start, added in ((None, 1), ('{"0": 2}', 0)):
        source.feeds["plain"].read_again(at, start)
        reset(lake.settings, "bronze/bank/plain")
        assert ingest(lake, source).by_feed == {"plain": added}
    assert bronze(lake, "plain") == {**rows, "1#1": ("later", None)}
    assert position.next_offsets(at, "plain")[1] == 2


def test_a_topic_made_again_is_another_one(lake: Lake, broker: Broker, source_of: MakeSource) -> None:
    broker.create("again")
    source = source_of(again={"topic": "again"})
    broker.produce("again", [("k", "old")])
    ingest(lake, source)
    broker.delete("again")
    broker.create("again")
    broker.produce("again", [("k", "new"), ("k", "newer")])
    with pytest.raises(FeedError, match="deleted and made again"):
        ingest(lake, source)
    source.feeds["again"].read_again(source.at("again", lake.settings), None)
    reset(lake.settings, "bronze/bank/again")
    assert ingest(lake, source).by_feed == {"again": 2}
    assert lake.table(bronze_table("again")).count() == 3


def test_what_is_declared_of_values(lake: Lake, broker: Broker, source_of: MakeSource) -> None:
    for topic in ("beside", "changes"):
        broker.create(topic)
    source = source_of(
        beside={"topic": "beside", "with": ["key", "headers"], "tombstones": "deletion"},
        changes={"topic": "changes", "envelope": "debezium", "max_records": 2},
    )
    broker.produce("beside", [("k", '{"id": 1.50}', {"h": "1"}), ("k", None), (b"\xff", '{"id": 2}')])
    origin = {"schema": "public", "table": "t", "lsn": 255, "ts_ms": 0}
    made = {"op": "c", "after": {"id": 1}, "source": origin}
    gone = {"op": "d", "before": {"id": 1, "x": 2}, "source": origin}
    key = json.dumps({"id": 1})
    broker.produce("changes", [(key, json.dumps(made)), (key, json.dumps(gone)), (key, None), (key, "{}")])
    assert ingest(lake, source).by_feed == {"beside": 3, "changes": 3}
    assert bronze(lake, "beside") == {
        "0#0": ('{"_key": "k", "_headers": {"h": "1"}, "id": 1.50}', None),
        "0#1": ('{"_key": "k", "_headers": {}, "_deleted": true}', None),
        "0#2": ('{"id": 2}', "its key is "),
    }
    changes = bronze(lake, "changes")
    assert sorted(changes) == ["0#0", "0#1", "0#3"]
    assert changes["0#3"] == ("{}", "Debezium: i")
    payload = json.loads(changes["0#1"][0] or "")
    assert (payload["id"], payload["_op"], payload["_order"], "x" in payload) == (
        "1",
        "d",
        "00000000000000FF/00000000",
        False,
    )


AVRO = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    ],
}


def test_avro_comes_by_the_schemas_of_a_registry_and_a_login_by_scram(
    lake: Lake, broker: Broker, source_of: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.create("avro")
    registry = SchemaRegistry(("lake", "password"))
    number = registry.register(AVRO)
    monkeypatch.setenv("LAKEHOUSE_SECRET_REGISTRY", "password")
    broker.allow_scram()
    monkeypatch.setenv("LAKEHOUSE_SECRET_BROKER", PASSWORD)
    login = {"user": USER, "password": {"secret": "broker"}, "mechanism": SCRAM}  # pragma: allowlist secret
    declared = {"url": registry.url, "user": "lake", "password": {"secret": "registry"}}  # pragma: allowlist secret
    connection = {"servers": broker.sasl, "security": "SASL_PLAINTEXT", **login, "schema_registry": declared}
    source = source_of(connection, avro={"topic": "avro", "format": "avro"})
    content = written(number, AVRO, {"id": "1", "amount": Decimal("1.50")})
    broker.produce("avro", [("k", content), ("k", b"{}"), ("k", content[:-1])])
    assert ingest(lake, source).by_feed == {"avro": 3}
    rows = {
        "0#0": ('{"id": "1", "amount": "1.50"}', None),
        "0#1": (in_base64(b"{}"), "not in the "),
        "0#2": (in_base64(content[:-1]), "not what sc"),
    }
    assert bronze(lake, "avro") == rows
    assert registry.asked.count(f"/schemas/ids/{number}") == 1

    # While the registry is away nothing is refused, and nothing is missed afterwards.
    broker.produce("avro", [("k", written(registry.register("string"), "string", "new"))])
    monkeypatch.setattr(schema_registry, "ATTEMPTS", 1)
    monkeypatch.setattr(reader.KafkaFeed, "check", lambda _feed, _at: None)
    registry.fails_with = 503
    with pytest.raises(FeedError, match=r"^avro: the schema registry .* doesn't answer \(it answers 503\)"):
        ingest(lake, source)
    assert bronze(lake, "avro") == rows
    registry.fails_with = None
    assert ingest(lake, source).by_feed == {"avro": 1}
    assert bronze(lake, "avro") == {**rows, "0#3": ('"new"', None)}
    registry.stop()


def in_base64(content: bytes) -> str:
    return json.dumps({"base64": base64.b64encode(content).decode()})


def logged_in(broker: Broker, user: str, password: str) -> dict[str, str]:
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "kafka.bootstrap.servers": broker.sasl,
        "kafka.security.protocol": "SASL_PLAINTEXT",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.jaas.config": f'{module} required username="{user}" password="{password}";',
    }


WORDS = {
    "broker": "no broker answers at",
    "login": "refuses the login",
    "right": "may not read the topic",
    "topic": "has no topic",
    "lost": r"gone before they were read.*`lakehouse reset bronze/bank/",
}


@pytest.mark.parametrize("what", WORDS)
def test_a_failure_of_the_stream_is_one_sentence(
    lake: Lake, broker: Broker, source_of: MakeSource, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"fails_{what}"
    broker.create(name)
    broker.produce(name, [("k", "{}")] * 3)
    feeds = {name: {"topic": name}}
    if what == "topic":  # and of one more feed everything is read
        broker.create("healthy")
        broker.produce("healthy", [("k", "{}")])
        feeds["healthy"] = {"topic": "healthy"}
    source = source_of(**feeds)
    monkeypatch.setattr(connecting, "REQUEST_MS", 2_000)
    monkeypatch.setattr(connecting, "WHOLE_CALL_MS", 4_000)
    monkeypatch.setattr(reader.KafkaFeed, "check", lambda _feed, _at: None)
    others = {
        "broker": {"kafka.bootstrap.servers": "127.0.0.1:1"},
        "login": logged_in(broker, USER, "wrong"),
        "right": logged_in(broker, STRANGER, STRANGERS_PASSWORD),
    }
    if what == "lost":
        ingest(lake, source)
        broker.produce(name, [("k", "{}")] * 5)
        broker.delete_records(name, 6)
    usual, begin = connecting.spark_settings, reader.KafkaFeed.stream

    def stream(feed: Any, spark: Any, at: Any) -> Any:
        records = begin(feed, spark, at)
        if what == "topic" and feed.topic == name:
            broker.delete(name)
        return records

    monkeypatch.setattr(reader, "spark_settings", lambda *given: {**usual(*given), **others.get(what, {})})
    monkeypatch.setattr(reader.KafkaFeed, "stream", stream)
    if what == "topic":  # the others go on, and the checks at the end of the job fail
        ingest(lake, source)
        assert bronze(lake, "healthy") == {"0#0": ("{}", None)}
    else:
        with pytest.raises(FeedError):
            ingest(lake, source)
    [words] = [finding.details for finding in check_feeds(source, lake.settings) if finding.failed]
    assert re.search(WORDS[what], words)
    assert "\n" not in words
