"""What is pulled comes to bronze once: an SFTP server's files, a Kinesis stream's records."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from common.bronze.ingest import Pulled, ingest, pull
from common.bronze.unread import check_feeds
from common.checks.findings import failure
from common.contracts.bronze import bronze_table
from common.errors import FeedError
from common.sources.declaration import Source
from common.sources.feed import FeedAt
from common.sources.readers.files import FileFeed
from common.storage.lake import Lake
from local.engine.startup import free_port
from servers.aws import REGION
from servers.kinesis import KinesisServer, as_on_aws
from servers.sftp import PASSWORD, USER, SftpServer

TARGET = {"transactions": {"map": {"transaction_id": "ID", "event_time": "TS", "amount": "AMT"}}}


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    server = SftpServer(tmp_path)
    server.start()
    yield server
    server.close()


@pytest.fixture
def kinesis() -> Iterator[KinesisServer]:
    server = KinesisServer()
    server.start()
    with as_on_aws():
        yield server
    server.stop()


def test_files_and_records_come_to_bronze_once(
    lake: Lake, sftp: SftpServer, kinesis: KinesisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_BANK", PASSWORD)
    monkeypatch.setenv("LAKEHOUSE_SECRET_CLOUD", "testing")
    secret, key = {"secret": "bank"}, {"secret": "cloud"}
    partner = {"kind": "sftp", "host": "127.0.0.1", "port": sftp.port, "user": USER, "host_key": sftp.host_key}
    aws = {"kind": "aws", "region": REGION, "endpoint": kinesis.endpoint, "access_key": key, "secret_key": key}
    files = {
        "reader": "sftp",
        "connection": "partner",
        "path": "/out",
        "ready": {"quiet": "0 seconds"},
        "format": "csv",
    }
    events = {"reader": "kinesis", "connection": "aws", "stream": "card-events"}
    source = Source.model_validate(
        {
            "name": "bank",
            "description": "A bank.",
            "connections": {"partner": {**partner, "password": secret}, "aws": aws},
            "feeds": {"settlements": {**files, "into": TARGET}, "card_events": {**events, "into": TARGET}},
        }
    )
    out = sftp.root / "out"
    out.mkdir()
    out.joinpath("a.csv").write_text("ID,TS\nt1,2025-01-31T10:00:00Z\n")
    client = kinesis.client()
    client.create_stream(StreamName="card-events", ShardCount=1)
    client.put_record(StreamName="card-events", PartitionKey="k", Data=b'{"ID": "t2", "AMT": 12.50}')
    client.put_record(StreamName="card-events", PartitionKey="k", Data=b"\xff")

    first = ingest(lake, source, pulled=pull(lake, source))
    out.joinpath("b.csv").write_text("ID,TS\nt3,2025-01-31T10:00:00Z\n")
    second = ingest(lake, source, pulled=pull(lake, source))

    assert (first.by_feed, second.by_feed) == (
        {"settlements": 1, "card_events": 2},
        {"settlements": 1, "card_events": 0},
    )
    rows = lake.table(bronze_table("settlements")).orderBy("source_ref").collect()
    assert [json.loads(row.payload)["ID"] for row in rows] == ["t1", "t3"]
    assert [row.source_ref.rpartition(".out__")[2] for row in rows] == ["a.csv#1", "b.csv#1"]
    rows = lake.table(bronze_table("card_events")).orderBy("source_ref").collect()
    assert [(row.payload, row.read_error) for row in rows] == [
        ('{"ID": "t2", "AMT": 12.50}', None),
        (None, "not UTF-8"),
    ]
    assert rows[0].source_ref.startswith("card-events/shardId-000000000000@")


def test_a_server_that_is_away_stops_no_other_feed(
    lake: Lake, sftp: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_BANK", PASSWORD)
    nobody = {"host": "127.0.0.1", "port": free_port()}
    partner = {"kind": "sftp", **nobody, "user": USER, "host_key": sftp.host_key}
    broker = {"kind": "kafka", "servers": f"127.0.0.1:{nobody['port']}"}
    files = {"reader": "files", "format": "csv", "path": "{landing}/paper"}
    source = Source.model_validate(
        {
            "name": "bank",
            "description": "A bank.",
            "connections": {"partner": {**partner, "password": {"secret": "bank"}}, "broker": broker},
            "feeds": {
                "away": {
                    "reader": "sftp",
                    "connection": "partner",
                    "path": "/out",
                    "format": "csv",
                    "into": TARGET,
                },
                "topic": {"reader": "kafka", "connection": "broker", "topic": "payments", "into": TARGET},
                "paper": {**files, "into": TARGET},
            },
        }
    )
    folder = Path(lake.settings.landing) / "paper"
    folder.mkdir()
    folder.joinpath("a.csv").write_text("ID,TS\nt1,2025-01-31T10:00:00Z\n")

    ingested = ingest(lake, source, pulled=pull(lake, source))

    assert ingested.by_feed == {"away": 0, "topic": 0, "paper": 1}
    for feed in ("away", "topic"):
        assert str(nobody["port"]) in ingested.facts["warnings"][bronze_table(feed).name]
    findings = check_feeds(source, lake.settings)
    assert [(one.subject, one.passed) for one in findings] == [
        ("bronze.away", False),
        ("bronze.topic", False),
        ("bronze.paper", True),
    ]
    assert str(nobody["port"]) in str(failure(findings))

    alone = source.model_copy(update={"feeds": {name: source.feeds[name] for name in ("away", "topic")}})
    with pytest.raises(FeedError, match=r"away: .*; topic: "):
        ingest(lake, alone, pulled=Pulled({"away": FeedError("no answer")}))


def test_a_topic_whose_broker_goes_away_in_mid_stream_stops_no_other_feed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream of the one breaks off, as when its server is killed; the other's is read to its end."""
    feeds = {
        name: {"reader": "files", "format": "csv", "path": f"{{landing}}/{name}", "into": TARGET}
        for name in ("broken", "whole")
    }
    source = Source.model_validate({"name": "bank", "description": "A bank.", "feeds": feeds})
    for name in feeds:
        folder = Path(lake.settings.landing) / name
        folder.mkdir()
        folder.joinpath("a.csv").write_text("ID,TS\nt1,2025-01-31T10:00:00Z\n")
    explained = FileFeed.explained
    at = source.at("broken", lake.settings)

    def broken_stream(feed: FileFeed, spark: SparkSession, place: FeedAt) -> DataFrame:
        rows = stream(feed, spark, place)
        return rows.where("raise_error('broker.example: gone') IS NULL") if place.name == "broken" else rows

    def as_of_a_server(feed: FileFeed, error: PySparkException, place: FeedAt) -> Exception | None:
        return FeedError("broker.example: gone") if place == at else explained(feed, error, place)

    stream = FileFeed.stream
    with monkeypatch.context() as patch:
        patch.setattr(FileFeed, "stream", broken_stream)
        patch.setattr(FileFeed, "explained", as_of_a_server)
        first = ingest(lake, source)
    second = ingest(lake, source)

    assert first.by_feed == {"broken": 0, "whole": 1}
    assert "broker.example: gone" in first.facts["warnings"]["bronze.broken"]
    assert second.by_feed == {"broken": 1, "whole": 0}
    assert failure(check_feeds(source, lake.settings)) is None
