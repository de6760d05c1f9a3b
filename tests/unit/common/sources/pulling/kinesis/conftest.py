"""A Kinesis service, and a stream for each test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from account import Account

from common.settings import Settings
from common.sources.connections import AwsConnection, Secret
from common.sources.feed import FeedAt
from common.sources.pulling import retries
from servers.aws import REGION
from servers.kinesis import KinesisServer, as_on_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[KinesisServer]:
    server = KinesisServer()
    server.start()
    with as_on_aws():
        yield server
    server.stop()


@pytest.fixture
def account(aws: KinesisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("LAKEHOUSE_SECRET_AWS_KEY", "testing")
    kinesis, name = aws.client(), f"card-events-{uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    connection = AwsConnection(
        kind="aws",
        region=REGION,
        endpoint=aws.endpoint,
        access_key=Secret(secret="aws_key"),
        secret_key=Secret(secret="aws_key"),
    )
    settings = Settings(tmp_path / "home", landing_folder=str(tmp_path / "landing"))
    return Account(kinesis, FeedAt("bank", "card_events", settings, connection), name)
