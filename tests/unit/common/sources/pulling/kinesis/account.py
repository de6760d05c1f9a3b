"""An account with one stream, and who pulls it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from common.sources.connections import AwsConnection
from common.sources.feed import FeedAt
from common.sources.pulling.kinesis import KinesisPuller
from common.sources.pulling.kinesis_stream import KinesisStream
from common.sources.pulling.pull import pull

Before = Callable[[str, dict[str, Any]], None]


class Watched:
    """A client that calls `before(operation, arguments)` first, which may raise."""

    def __init__(self, api: Any, before: Before) -> None:
        self._api, self._before = api, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._api, name)
        if not callable(method):
            return method

        def call(**arguments: Any) -> Any:
            self._before(name, arguments)
            return method(**arguments)

        return call


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": f"a {code}"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetRecords"
    )


@dataclass
class Account:
    """A stream on moto's server, its feed's place, and what the puller says."""

    kinesis: Any
    at: FeedAt
    name: str
    before: Before = lambda operation, arguments: None
    words: list[str] = field(default_factory=list)

    def puller(self, *, from_latest: bool = False) -> KinesisPuller:
        assert isinstance(self.at.connection, AwsConnection)
        stream = KinesisStream(
            self.at.connection, "sources/bank.yml: connections.aws", self.at.settings, self.name, self.words.append
        )
        api = stream.api
        stream.__dict__["api"] = Watched(api, self._step)
        return KinesisPuller(stream, from_latest, self.words.append)

    def _step(self, operation: str, arguments: dict[str, Any]) -> None:
        self.before(operation, arguments)

    def pull(self, *, from_latest: bool = False) -> int:
        return pull(self.puller(from_latest=from_latest), self.at)

    def put(self, *payloads: bytes | str, key: str = "k") -> None:
        for first in range(0, len(payloads), 500):
            records = [{"Data": one, "PartitionKey": key} for one in payloads[first : first + 500]]
            assert self.kinesis.put_records(StreamName=self.name, Records=records)["FailedRecordCount"] == 0

    def landed(self) -> list[dict[str, Any]]:
        """The lines of all landed files, in order of their names."""
        files = sorted(path for path in Path(self.at.pulled).iterdir() if not path.name.startswith("."))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def payloads(self) -> list[str]:
        return [line["payload"] for line in self.landed()]
