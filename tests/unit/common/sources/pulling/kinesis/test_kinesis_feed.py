from pathlib import Path

import pytest
from account import Account

from common.errors import DeclarationError, FeedError
from common.sources.connections import AwsConnection
from common.sources.declaration import load_source
from common.sources.feed import FeedAt
from common.sources.pulling.pull import Landed
from common.sources.readers.kinesis import KinesisFeed
from servers.kinesis import KinesisServer

BANK = """
name: bank
description: A bank's stream.
connections:
  aws: {kind: aws, region: eu-west-1, endpoint: ENDPOINT, access_key: {secret: aws_key}, secret_key: {secret: aws_key}}
feeds:
  card_events:
    reader: kinesis
    connection: aws
    stream: STREAM
    starts: trim_horizon
    into:
      transactions: {map: {transaction_id: ID, event_time: TS, amount: AMT}}
"""


def declared(account: Account, folder: Path, old: str = "", new: str = "") -> tuple[KinesisFeed, FeedAt]:
    assert isinstance(account.at.connection, AwsConnection)
    text = BANK.replace("ENDPOINT", str(account.at.connection.endpoint)).replace("STREAM", account.name)
    assert old in text
    (folder / "sources").mkdir()
    (folder / "sources/bank.yml").write_text(text.replace(old, new))
    source = load_source(folder / "sources", "bank")
    feed = source.feeds["card_events"]
    assert isinstance(feed, KinesisFeed)
    return feed, source.at("card_events", account.at.settings)


def test_a_declared_stream_is_pulled_and_looked_at(account: Account, tmp_path: Path) -> None:
    feed, at = declared(account, tmp_path)
    account.put('{"ID": "t1"}', b"\xff")

    seen = feed.look(at)
    assert not Path(at.pulled).exists()
    assert [(sight.thing, sight.found) for sight in seen.things] == [
        (feed.place(at), "1 open shards of 1; records are kept for 24 hours"),
        ("shardId-000000000000", "nothing is pulled yet; more is there, the end is 0 s after that"),
    ]
    (look,) = seen.looks
    assert look.path == f"{account.name}/shardId-000000000000"
    assert [(record.payload, record.error) for record in look.records] == [('{"ID": "t1"}', None), (None, "not UTF-8")]

    assert (feed.pull(at), feed.pull(at)) == (1, 0)
    last = account.landed()[-1]["ref"]
    assert feed.look(at).things[1].found == f"pulled up to {last.partition('@')[2].removesuffix('#1')}"
    assert (feed.reading, feed.first_look(at)) == ("kinesis, json", "")


def test_the_newest_file_of_each_shard_is_never_removed(account: Account, tmp_path: Path) -> None:
    feed, at = declared(account, tmp_path)
    account.put("1")
    feed.pull(at)
    account.kinesis.split_shard(
        StreamName=account.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    for number in range(2, 5):
        account.put(f"{number}")
        feed.pull(at)
    names = Landed(Path(at.pulled)).names()
    assert feed.settled(names) == names[1:3]

    for name in feed.settled(names):
        (Path(at.pulled) / name).unlink()
    assert feed.pull(at) == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("starts: trim_horizon", "starts: earliest", "feeds.card_events.starts"),
        ("    stream: ", "    streams: ", "feeds.card_events.streams: there is no such option; did you mean stream?"),
        ("    stream: ", "    stream: a/", "feeds.card_events.stream: "),
    ],
)
def test_a_declaration_that_breaks_a_rule_is_said(
    account: Account, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=expected.replace("?", r"\?")):
        declared(account, tmp_path, old, new)


def test_a_service_that_is_stopped_and_started_again_loses_nothing(
    account: Account, aws: KinesisServer, tmp_path: Path
) -> None:
    feed, at = declared(account, tmp_path)
    account.put('{"ID": "t1"}')
    aws.stop()
    try:
        words: list[str] = []
        with pytest.raises(FeedError, match=rf"stream {account.name} at {aws.endpoint}, looking at it: .*, 6 times"):
            feed.pull(at, words.append)
        assert len(words) == 5
    finally:
        aws.start()
    account.put('{"ID": "t2"}')
    assert feed.pull(at) == 1
    assert account.payloads() == ['{"ID": "t1"}', '{"ID": "t2"}']
