"""A Kinesis service in the test's process: moto's, with shards that are split and merged as those of AWS.

moto itself puts records into closed shards, copies those of merged ones into the new one, counts each shard's from 1,
and never ends a closed shard; a puller that is right for AWS loses and doubles records there.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

from moto.kinesis import models
from moto.server import ThreadedMotoServer

from servers.aws import KEYS, REGION

FIRST_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
"""Sequence numbers have 56 digits."""


class KinesisServer:
    """The service, on a port that stays the same when it is stopped and started again; what it has is kept."""

    def __init__(self) -> None:
        self.port = 0
        self._server: ThreadedMotoServer | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        if self._server is not None and self._server._server is not None:
            self._server.stop()
            self._server._server.server_close()
            self._server = None

    def client(self) -> Any:
        """boto3's client."""
        import boto3

        return boto3.client(
            "kinesis",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )


@contextmanager
def as_on_aws() -> Iterator[None]:
    """Resharding and sequence numbers as on AWS."""
    numbers = count(FIRST_NUMBER)

    def put(shard: Any, partition_key: str, data: str, explicit_hash_key: str) -> str:
        number = next(numbers)
        shard.records[number] = models.Record(partition_key, data, number, explicit_hash_key)
        return str(number)

    def split(stream: Any, shard_to_split: str, new_starting_hash_key: str) -> None:
        shard, middle = stream.shards[shard_to_split], int(new_starting_hash_key)
        _add(stream, shard.starting_hash, middle - 1, shard)
        _add(stream, middle, shard.ending_hash, shard)

    def merge(stream: Any, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        low, high = stream.shards[shard_to_merge], stream.shards[adjacent_shard_to_merge]
        assert low.ending_hash + 1 == high.starting_hash
        _add(stream, low.starting_hash, high.ending_hash, low, high)

    key_of = models.Stream.get_shard_for_key
    get = models.KinesisBackend.get_records

    def open_shard_for(stream: Any, *key: str) -> Any:
        shards = stream.shards
        try:
            stream.shards = {name: shard for name, shard in shards.items() if shard.is_open}
            return key_of(stream, *key)
        finally:
            stream.shards = shards

    def get_records(backend: Any, stream_arn: str | None, iterator: str, limit: int | None) -> tuple[Any, ...]:
        following, records, _ = get(backend, stream_arn, iterator, limit)
        stream_name, shard_id, last = models.decompose_shard_iterator(following)
        shard = backend.describe_stream(stream_arn=stream_arn, stream_name=stream_name).get_shard(shard_id)
        rest = [record for number, record in shard.records.items() if number > int(last)]
        behind = max(1, int((time.time() - rest[0].created_at) * 1000)) if rest else 0
        return following if rest or shard.is_open else None, records, behind

    with (
        mock.patch.object(models.Shard, "put_record", put),
        mock.patch.object(models.Stream, "split_shard", split),
        mock.patch.object(models.Stream, "merge_shards", merge),
        mock.patch.object(models.Stream, "get_shard_for_key", open_shard_for),
        mock.patch.object(models.KinesisBackend, "get_records", get_records),
    ):
        yield


def _add(stream: Any, low: int, high: int, *parents: Any) -> None:
    names = [parent.shard_id for parent in parents]
    number = max(shard._shard_id for shard in stream.shards.values()) + 1
    shard = models.Shard(number, low, high, names[0], names[1] if len(names) > 1 else None)
    stream.shards[shard.shard_id] = shard
    for parent in parents:
        parent.is_open = False
