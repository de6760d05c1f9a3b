"""Servers that send records to feeds, and their faults: SFTP, PostgreSQL by its log and tables, Kinesis, S3, Kafka.

Each but Kafka, whose brokers name their own addresses, is reached by a line that can be cut. Every record has a number
of its own, so that what was sent is known.
"""

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

from moto.core.exceptions import JsonRESTError
from moto.kinesis import models

from common.settings import Settings
from common.sources.declaration import Source
from servers.aws import REGION
from servers.kafka import PASSWORD as KAFKA_PASSWORD
from servers.kafka import USER as KAFKA_USER
from servers.kafka import Broker
from servers.kinesis import KinesisServer, as_on_aws
from servers.postgres import Postgres
from servers.sftp import PASSWORD, USER, SftpServer
from servers.tcp import Line

SECRETS = {
    "LAKEHOUSE_SECRET_PARTNER": PASSWORD,
    "LAKEHOUSE_SECRET_AWS": "testing",
    "LAKEHOUSE_SECRET_BROKER": KAFKA_PASSWORD,
}
INTO = {"transactions": {"map": {"transaction_id": "n", "event_time": "'2025-01-31'", "amount": "'1'"}}}
ROLE = "lake"
PULLED = ("files", "changes", "tables", "events")
STREAMED = ("topic", "objects")
SERVER_OF = {
    "files": "sftp",
    "changes": "postgres",
    "tables": "postgres",
    "events": "aws",
    "objects": "aws",
    "topic": "kafka",
}


class Servers:
    """The servers of some feeds, what was sent to each feed, and the lines to the servers."""

    def __init__(self, folder: Path, chance: random.Random, feeds: Sequence[str] = PULLED) -> None:
        self.folder, self.chance, self.feeds = folder, chance, feeds
        self.sent: dict[str, list[int]] = {feed: [] for feed in feeds}
        self.lines: dict[str, Line] = {}
        self.refusing = False
        self._numbers = 0
        own = uuid4().hex[:8]  # moto keeps its streams and buckets for all servers of a process
        self._stream, self._bucket = f"events-{own}", f"landing-{own}"
        self._stack = ExitStack()

    def start(self) -> "Servers":
        """Starts those that the feeds need."""
        for server in dict.fromkeys(SERVER_OF[feed] for feed in self.feeds):
            getattr(self, f"_start_{server}")()
        return self

    def close(self) -> None:
        """Ends them all."""
        self._stack.close()

    def _start_sftp(self) -> None:
        self.sftp = SftpServer(self.folder / "sftp")
        self.sftp.root.joinpath("out").mkdir(parents=True)
        self.sftp.start()
        self._stack.callback(self.sftp.close)
        self._line("sftp", self.sftp.port)

    def _start_postgres(self) -> None:
        self.postgres = Postgres()
        self._stack.callback(self.postgres.remove)
        self.postgres.start()
        self.postgres.execute(
            f"CREATE ROLE {ROLE} LOGIN SUPERUSER",
            "CREATE TABLE changes (n bigint PRIMARY KEY)",
            "CREATE TABLE tables (n bigint PRIMARY KEY)",
            "CREATE PUBLICATION lake FOR TABLE changes",
        )
        self._line("postgres", self.postgres.port)

    def _start_aws(self) -> None:
        self.aws = KinesisServer()
        self.aws.start()
        self._stack.callback(self.aws.stop)
        self._stack.enter_context(as_on_aws())
        self._stack.enter_context(self._may_refuse())
        self.aws.client().create_stream(StreamName=self._stream, ShardCount=2)
        self._s3().create_bucket(Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self._line("aws", self.aws.port)

    def _start_kafka(self) -> None:
        self.broker = Broker(self.folder / "kafka")
        self._stack.callback(self.broker.stop)
        self.broker.start()
        self.broker.create("topic", partitions=2)

    def _line(self, server: str, port: int) -> None:
        self.lines[server] = Line(port)
        self._stack.callback(self.lines[server].end)

    def declaration(self) -> dict[str, Any]:
        """The source that has the feeds."""
        declared = {
            "files": {"reader": "sftp", "path": "/out", "format": "json_lines", "ready": {"quiet": "0 seconds"}},
            "changes": {"reader": "postgres_cdc", "tables": ["public.changes"], "publication": "lake"},
            "tables": {"reader": "postgres_tables", "tables": ["public.tables"]},
            "events": {"reader": "kinesis", "stream": self._stream},
            "objects": {"reader": "files", "path": f"s3://{self._bucket}/objects", "format": "json_lines"},
            "topic": {"reader": "kafka", "topic": "topic", "max_records": 20},
        }
        return {
            "name": "chaos",
            "description": "Servers that fail.",
            "connections": {
                server: self._connection(server) for server in dict.fromkeys(SERVER_OF[feed] for feed in self.feeds)
            },
            "feeds": {
                feed: {**declared[feed], "connection": SERVER_OF[feed], "into": INTO}  # type: ignore[dict-item]
                for feed in self.feeds
            },
        }

    def _connection(self, server: str) -> dict[str, Any]:
        key = {"secret": "aws"}
        if server == "kafka":
            login = {"security": "SASL_PLAINTEXT", "mechanism": "PLAIN", "user": KAFKA_USER}
            return {"kind": "kafka", "servers": self.broker.sasl, **login, "password": {"secret": "broker"}}
        port = self.lines[server].port
        if server == "sftp":
            login = {"user": USER, "host_key": self.sftp.host_key, "password": {"secret": "partner"}}
            return {"kind": "sftp", "host": "127.0.0.1", "port": port, **login}
        if server == "postgres":
            return {**self.postgres.connection(user=ROLE), "port": port}
        endpoint = f"http://127.0.0.1:{port}"
        return {"kind": "aws", "region": REGION, "endpoint": endpoint, "access_key": key, "secret_key": key}

    def send(self) -> None:
        """Sends some records to each feed."""
        for feed in self.feeds:
            getattr(self, f"_send_{feed}")()

    def _send_files(self) -> None:
        for number in self._new("files", 3):
            part = self.sftp.root / "out" / f".{number}"
            part.write_text(json.dumps({"n": number, "filler": "x" * self.chance.choice([10, 200_000])}) + "\n")
            part.rename(self.sftp.root / "out" / f"{number}.jsonl")

    def _send_changes(self, table: str = "changes") -> None:
        with self.postgres.connect() as connection, connection.transaction():
            for number in self._new(table, 30):
                connection.execute(f"INSERT INTO {table} VALUES ({number})")

    def _send_tables(self) -> None:
        self._send_changes("tables")

    def _send_events(self) -> None:
        records = [
            {"Data": json.dumps({"n": number}).encode(), "PartitionKey": str(self.chance.random())}
            for number in self._new("events", 30)
        ]
        self.aws.client().put_records(StreamName=self._stream, Records=records)

    def _send_objects(self) -> None:
        for number in self._new("objects", 8):
            self._s3().put_object(
                Bucket=self._bucket, Key=f"objects/{number}.jsonl", Body=json.dumps({"n": number}).encode()
            )

    def _send_topic(self) -> None:
        for partition in range(2):
            self.broker.produce("topic", [(None, json.dumps({"n": n})) for n in self._new("topic", 30)], partition)

    def _s3(self) -> Any:
        import boto3

        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}  # pragma: allowlist secret
        return boto3.client("s3", endpoint_url=self.aws.endpoint, region_name=REGION, **keys)

    def _new(self, feed: str, most: int) -> list[int]:
        return [self._next(feed) for _ in range(self.chance.randrange(1, most))]

    def _next(self, feed: str) -> int:
        self._numbers += 1
        self.sent[feed].append(self._numbers)
        return self._numbers

    @property
    def faults(self) -> Mapping[str, tuple[Callable[[], None], Callable[[], None]]]:
        """What may happen to the servers by name: what does it, and what ends it."""
        found: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {}
        servers = {SERVER_OF[feed] for feed in self.feeds}
        if "sftp" in servers:
            found["sftp stopped"] = self.sftp.stop, self.sftp.start
            found["sftp refuses logins"] = (lambda: self._sftp_refuses(True), lambda: self._sftp_refuses(False))
        if "postgres" in servers:
            found["postgres stopped"] = self.postgres.stop, self._start_again
            found["postgres killed"] = self.postgres.kill, self._start_again
            found["postgres refuses logins"] = lambda: self._logs_in("NOLOGIN"), lambda: self._logs_in("LOGIN")
        if "aws" in servers:
            found["aws stopped"] = self.aws.stop, self.aws.start
            found["aws refuses"] = lambda: setattr(self, "refusing", True), lambda: setattr(self, "refusing", False)
        if "kafka" in servers:
            found["kafka killed"] = self.broker.kill, self._start_broker
            found["kafka stopped"] = self.broker.stop, self._start_broker
            found["kafka slow"] = self.broker.pause, self.broker.go_on
            found["kafka refuses logins"] = lambda: self._kafka_password("wrong"), lambda: self._kafka_password(None)
        for name, line in self.lines.items():
            found[f"{name} cut"] = line.cut, lambda: None
            found[f"{name} away"] = line.take_away, line.restore
            found[f"{name} slow"] = lambda line=line: setattr(line, "delay_seconds", 0.05), line.restore
        return found

    def _start_again(self) -> None:
        self.postgres.start()

    def _start_broker(self) -> None:
        self.broker.start()

    def _kafka_password(self, other: str | None) -> None:
        os.environ["LAKEHOUSE_SECRET_BROKER"] = other or KAFKA_PASSWORD

    def _sftp_refuses(self, refuses: bool) -> None:
        self.sftp.refuses_logins = refuses
        self.lines["sftp"].cut()

    def _logs_in(self, how: str) -> None:
        self.postgres.execute(f"ALTER ROLE {ROLE} {how}")
        self.lines["postgres"].cut()

    @contextmanager
    def _may_refuse(self) -> Iterator[None]:
        get = models.KinesisBackend.get_records

        def get_records(*arguments: Any, **named: Any) -> Any:
            if self.refusing:
                raise JsonRESTError("AccessDeniedException", "not now")
            return get(*arguments, **named)

        with mock.patch.object(models.KinesisBackend, "get_records", get_records):
            yield


def addresses(servers: Servers) -> dict[str, str]:
    """By feed what every message about it must name: the port of its server, or of the line to it."""
    ports = {name: str(line.port) for name, line in servers.lines.items()}
    if "topic" in servers.feeds:
        ports["kafka"] = servers.broker.sasl.rpartition(":")[2]
    return {feed: ports[SERVER_OF[feed]] for feed in servers.feeds}


def landed(source: Source, settings: Settings) -> dict[str, list[tuple[str, int]]]:
    """By feed the references and numbers of all that is landed."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name in source.feeds:
        folder = Path(source.at(name, settings).pulled)
        found[name] = []
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.name.startswith("."):
                continue
            for number, line in enumerate(path.read_text().splitlines()):
                record = json.loads(line)
                if name == "files":
                    found[name].append((f"{path.name}#{number}", int(record["n"])))
                else:
                    assert record["error"] is None, record
                    found[name].append((record["ref"], int(json.loads(record["payload"])["n"])))
    return found


def differences(sent: Mapping[str, list[int]], found: Mapping[str, list[tuple[str, int]]]) -> list[str]:
    """What was lost, doubled or invented."""
    problems = []
    for feed, numbers in sent.items():
        got = [number for _, number in found[feed]]
        lost, extra = sorted(set(numbers) - set(got)), sorted(set(got) - set(numbers))
        doubled = sorted({number for number in got if got.count(number) > 1})
        references = [reference for reference, _ in found[feed]]
        if lost or extra or doubled or len(set(references)) < len(references):
            problems.append(
                f"{feed}: lost {lost[:10]}, doubled {doubled[:10]}, never sent {extra[:10]}, of {len(numbers)}"
            )
    return problems


@contextmanager
def servers_in(folder: Path, chance: random.Random, feeds: Sequence[str] = PULLED) -> Iterator[Servers]:
    """Servers that run, and the secrets of their connections in the environment."""
    servers = Servers(folder, chance, feeds)
    with mock.patch.dict(os.environ, SECRETS):
        try:
            yield servers.start()
        finally:
            with suppress(OSError):
                servers.close()
