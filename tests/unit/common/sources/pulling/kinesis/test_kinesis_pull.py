import json
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from account import Account, refusal

from common.errors import FeedError
from common.sources.files.first_records import files_of, look_at
from common.sources.files.landed import LAYOUT
from common.sources.pulling import kinesis
from common.sources.pulling.kinesis import KinesisPuller
from common.sources.pulling.kinesis_stream import Arrived, KinesisStream, Shard, parents_first
from common.sources.pulling.pull import Landed


def notes_of(account: Account) -> Path:
    return Path(account.at.pulled) / ".shards.json"


def split(account: Account, shard: str) -> None:
    shards = account.kinesis.list_shards(StreamName=account.name)["Shards"]
    keys = next(one["HashKeyRange"] for one in shards if one["ShardId"] == shard)
    middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2
    account.kinesis.split_shard(StreamName=account.name, ShardToSplit=shard, NewStartingHashKey=str(middle))


def open_shards(account: Account) -> list[str]:
    shards = account.kinesis.list_shards(StreamName=account.name)["Shards"]
    return [one["ShardId"] for one in shards if "EndingSequenceNumber" not in one["SequenceNumberRange"]]


def test_records_are_landed_once_with_their_sequence_numbers(account: Account) -> None:
    account.put('{"amount": 12.50}', '{"amount": 1e400}')
    assert (account.pull(), account.pull()) == (1, 0)
    account.put("no JSON")
    assert (account.pull(), account.pull()) == (1, 0)

    assert account.payloads() == ['{"amount": 12.50}', '{"amount": 1e400}', "no JSON"]
    refs = [line["ref"] for line in account.landed()]
    assert refs == sorted(set(refs))
    shard, _, number = refs[0].partition("@")
    assert shard == f"{account.name}/shardId-000000000000"
    assert len(number) == 56 + len("#1")
    (look, _) = look_at(files_of(account.at.pulled), LAYOUT)
    assert look.records[0].payload == '{"amount": 12.50}'


def test_sequence_numbers_sort_as_texts() -> None:
    now = datetime.now(UTC)
    refs = [kinesis.record_of("s", "shardId-0", Arrived(number, now, b"{}")).ref for number in ("9", "10", "9" * 56)]
    assert refs == sorted(refs)
    assert refs[0] == f"s/shardId-0@{'0' * 55}9#1"


def test_what_is_no_text_or_several_records_in_one_is_landed_as_unreadable(account: Account) -> None:
    account.put(b"\xff\xfe", b"\xf3\x89\x9a\xc2\n\x01k", "{}")
    account.pull()

    errors = [line["error"] for line in account.landed()]
    assert errors == [kinesis.NOT_UTF8, kinesis.AGGREGATED, None]
    assert account.payloads() == [None, None, "{}"]


def test_shards_that_are_split_and_merged_keep_the_order_of_a_key(account: Account) -> None:
    def put(first: int) -> None:
        for number in range(first, first + 40):
            account.put(f"{number}", key=f"key {number % 5}")

    put(0)
    account.pull()
    split(account, "shardId-000000000000")
    put(40)
    account.pull()
    first, second = open_shards(account)
    account.kinesis.merge_shards(StreamName=account.name, ShardToMerge=first, AdjacentShardToMerge=second)
    put(80)
    account.pull()

    numbers = [int(payload) for payload in account.payloads()]
    assert sorted(numbers) == list(range(120))
    for key in range(5):
        mine = [number for number in numbers if number % 5 == key]
        assert mine == sorted(mine)


def test_a_pull_lands_a_keys_records_in_their_order_over_a_split_and_a_merge(account: Account) -> None:
    account.put("0", "1")
    split(account, "shardId-000000000000")
    account.put("2", "3")
    first, second = open_shards(account)
    account.kinesis.merge_shards(StreamName=account.name, ShardToMerge=first, AdjacentShardToMerge=second)
    account.put("4")
    folder = Path(account.at.pulled)
    folder.mkdir(parents=True)

    portions = list(account.puller().portions(Landed(folder)))

    lines = [json.loads(line) for portion in portions for line in b"".join(portion.content).splitlines()]
    assert [line["payload"] for line in lines] == ["0", "1", "2", "3", "4"]
    assert len(portions) == 3


def test_parents_come_before_their_children_whatever_their_names() -> None:
    shards = [
        Shard("a", frozenset({"c"}), False),
        Shard("b", frozenset({"a", "gone"}), False),
        Shard("c", frozenset(), True),
        Shard("d", frozenset(), False),
    ]
    assert [shard.name for shard in parents_first(shards)] == ["c", "d", "a", "b"]


def test_a_closed_shard_that_is_read_out_is_asked_no_more(account: Account) -> None:
    account.put("1")
    split(account, "shardId-000000000000")
    account.pull()
    asked: list[str] = []
    account.before = lambda operation, arguments: asked.append(arguments.get("ShardId", ""))

    assert account.pull() == 0
    assert sorted(filter(None, asked)) == open_shards(account)


def test_an_iterator_that_expired_is_got_again_where_reading_was(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.sources.pulling.kinesis_stream.MOST_RECORDS", 10)
    account.put(*(f"{number}" for number in range(35)))
    calls = count(1)
    expired = account.kinesis.exceptions.ExpiredIteratorException

    def before(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_records" and next(calls) in (1, 3):
            raise expired({"Error": {"Code": "ExpiredIteratorException"}}, "GetRecords")

    puller = account.puller()
    puller.stream.__dict__["api"]._api.exceptions.ExpiredIteratorException = expired
    account.before = before
    monkeypatch.setattr(Account, "puller", lambda self, from_latest=False: puller)
    assert account.pull() == 1
    assert account.payloads() == [f"{number}" for number in range(35)]
    assert account.words == []


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "LimitExceededException"])
def test_a_stream_that_throttles_is_waited_for(account: Account, code: str) -> None:
    account.put("1")
    calls = count(1)

    def before(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_records" and next(calls) in (1, 2):
            raise refusal(code)

    account.before = before
    assert account.pull() == 1
    assert [words.rpartition("attempt")[2][:7] for words in account.words] == [" 2 of 6", " 3 of 6"]
    assert all(f"stream {account.name} at http" in words and "reading shardId-0" in words for words in account.words)


def test_a_stream_that_throttles_for_ever_is_given_up(account: Account) -> None:
    account.put("1")

    def before(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_records":
            raise refusal("ProvisionedThroughputExceededException")

    account.before = before
    with pytest.raises(FeedError, match=r"reading shardId-000000000000: .*, 6 times\. What was pulled before stays"):
        account.pull()


def test_a_new_feed_may_begin_with_what_comes_from_then_on(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.put("before")
    later = datetime.now(UTC) + timedelta(seconds=2)
    state = KinesisStream.state
    with monkeypatch.context() as patch:  # the server's clock has whole seconds
        patch.setattr(KinesisStream, "state", lambda self: _at(state(self), later))
        assert account.pull(from_latest=True) == 0
    assert json.loads(notes_of(account).read_text())["since"] == later.isoformat()
    while datetime.now(UTC) <= later:
        pass
    account.put("after")

    assert account.pull(from_latest=True) == 1
    assert account.payloads() == ["after"]


def _at(state: Any, now: datetime) -> Any:
    from dataclasses import replace

    return replace(state, now=now)


def test_a_busy_stream_does_not_hold_a_pull_for_ever(account: Account) -> None:
    account.put("0")
    numbers = count(1)

    def before(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "get_records":
            assert next(numbers) < 1000, "the pull goes on for ever"
            account.put("more")

    account.before = before
    account.pull()
    account.before = lambda operation, arguments: None
    account.pull()
    assert account.payloads() == ["0", *["more"] * (next(numbers) - 1)]


def test_records_that_the_stream_forgot_are_reported_once_and_hold_nothing_up(account: Account) -> None:
    account.put("1")
    account.pull()
    notes = json.loads(notes_of(account).read_text())
    notes["ends"] = {shard: (datetime.now(UTC) - timedelta(hours=25)).isoformat() for shard in notes["ends"]}
    notes_of(account).write_text(json.dumps(notes))
    account.put("2")

    account.before = fail_once("get_records")
    with pytest.raises(FeedError, match="refused"):
        account.pull()
    with pytest.raises(
        FeedError, match=r"keeps records for 24 hours, and they were not read in time: shardId-0.* what "
    ):
        account.pull()
    assert account.payloads() == ["1", "2"]
    account.put("3")
    assert account.pull() == 1


def fail_once(name: str) -> Any:
    calls = count()

    def before(operation: str, arguments: dict[str, Any]) -> None:
        if operation == name and next(calls) == 0:
            raise refusal("AccessDeniedException")

    return before


def test_a_quiet_stream_that_is_pulled_in_time_lost_nothing(account: Account) -> None:
    account.put("1")
    account.pull()
    for path in Path(account.at.pulled).glob("*.jsonl"):
        os.utime(path, (0, 0))
    assert account.pull() == 0


def test_a_stream_that_was_made_anew_is_noticed_before_anything_is_read(account: Account) -> None:
    account.put("1")
    account.pull()
    account.kinesis.delete_stream(StreamName=account.name)
    account.kinesis.create_stream(StreamName=account.name, ShardCount=1)
    account.put("of another stream", "and more")

    with pytest.raises(FeedError, match=r"was deleted and made anew: .*declare it as another feed"):
        account.pull()
    assert account.payloads() == ["1"]


def test_a_refusal_says_what_is_needed(account: Account) -> None:
    account.before = fail_once("list_shards")
    with pytest.raises(
        FeedError, match=r"refused, AccessDeniedException: .* credentials of .*aws, and that they may Des"
    ):
        account.pull()

    account.kinesis.delete_stream(StreamName=account.name)
    with pytest.raises(FeedError, match=f"stream {account.name} at http.*: there is none of that name"):
        account.pull()
    assert account.words == []


class Killed(BaseException):
    """The process is killed."""


def test_a_kill_at_any_step_loses_and_doubles_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinesis, "FILE_RECORDS", 20)
    monkeypatch.setattr("common.sources.pulling.kinesis_stream.MOST_RECORDS", 15)
    account.put(*(f"{number}" for number in range(50)))
    split(account, "shardId-000000000000")
    account.put(*(f"{number}" for number in range(50, 90)))
    folder, kills = Path(account.at.pulled), 0
    for step in count():
        calls = count()

        def perhaps(*ignored: Any, calls: Any = calls, step: int = step) -> None:
            if next(calls) == step:
                raise Killed

        account.before = perhaps
        with monkeypatch.context() as patch:
            for owner, name in ((Path, "rename"), (Path, "replace"), (os, "fsync"), (KinesisPuller, "confirm")):
                function = getattr(owner, name)
                patch.setattr(owner, name, lambda *a, f=function, p=perhaps: (p(), f(*a))[1])
            try:
                account.pull()
                break
            except Killed:
                kills += 1
        account.before = lambda operation, arguments: None
        account.pull()
        assert sorted(map(int, account.payloads())) == list(range(90))
        folder.rename(folder.parent / f"after {step}")
    assert kills > 20


def test_kills_and_reshards_in_any_order_lose_and_double_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.sources.pulling.kinesis_stream.MOST_RECORDS", 20)
    chance, numbers, kills = random.Random(5), count(), 0
    for round_ in range(25):
        for _ in range(chance.randrange(3)):
            account.put(*(str(next(numbers)) for _ in range(30)), key=f"{chance.random()}")
        if round_ in (5, 12):
            split(account, chance.choice(open_shards(account)))
        if round_ == 18:
            first, second = open_shards(account)[:2]
            _merge(account, first, second)

        def perhaps(*ignored: Any) -> None:
            if chance.random() < 0.08:
                raise Killed

        account.before = perhaps
        with monkeypatch.context() as patch:
            rename = Path.rename
            patch.setattr(Path, "rename", lambda path, target, f=rename: (f(path, target), perhaps())[0])
            try:
                account.pull()
            except Killed:
                kills += 1
    account.before = lambda operation, arguments: None
    account.pull()

    assert kills > 5
    assert Counter(map(int, account.payloads())) == Counter(range(next(numbers)))


def _merge(account: Account, first: str, second: str) -> None:
    """Merges the first two open shards whose keys are beside each other."""
    shards = {
        one["ShardId"]: one["HashKeyRange"] for one in account.kinesis.list_shards(StreamName=account.name)["Shards"]
    }
    ranges = sorted((int(shards[name]["StartingHashKey"]), name) for name in open_shards(account))
    account.kinesis.merge_shards(StreamName=account.name, ShardToMerge=ranges[0][1], AdjacentShardToMerge=ranges[1][1])
