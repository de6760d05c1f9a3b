"""The ways by which records come to the lakehouse: what declares their feed, and who sends them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore

from common.sources.records import fields_of, record_decoder
from servers.aws import REGION
from servers.gateway import post
from servers.kafka import Broker
from servers.kinesis import KinesisServer
from servers.postgres import Postgres
from servers.sftp import PASSWORD, USER, SftpServer

Payloads = Sequence[str]

SECRETS = {"partner": PASSWORD, "aws": "test"}
"""What the connections name."""


class Way(ABC):
    """How records come to feeds, each feed by a folder, topic, table or stream of its name."""

    connection: dict[str, Any] | None = None

    @abstractmethod
    def declared(self, feed: str) -> dict[str, Any]:
        """The options of the feed."""

    def prepare(self, feed: str, payloads: Payloads) -> None:
        """Makes what must be there before records are sent; the payloads are all that will be."""
        del feed, payloads

    @abstractmethod
    def send(self, feed: str, payloads: Payloads) -> None:
        """Sends records, in their order."""


class Files(Way):
    """One file of lines each time."""

    def __init__(self, landing: Path) -> None:
        self._landing = landing

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "files", "format": "json_lines", "path": f"{{landing}}/lines/{feed}"}

    def send(self, feed: str, payloads: Payloads) -> None:
        _write_lines(self._landing / "lines" / feed, payloads)


class Sftp(Way):
    """One file of lines each time, on a server."""

    def __init__(self, server: SftpServer) -> None:
        self._server = server
        self.connection = {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": server.port,
            "user": USER,
            "host_key": server.host_key,
            "password": {"secret": "partner"},  # pragma: allowlist secret
        }

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "sftp", "path": f"/{feed}", "ready": {"quiet": "0 seconds"}, "format": "json_lines"}

    def send(self, feed: str, payloads: Payloads) -> None:
        _write_lines(self._server.root / feed, payloads)


def _write_lines(folder: Path, payloads: Payloads) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.jsonl"
    file.write_text("".join(f"{payload}\n" for payload in payloads))


class Http(Way):
    """Requests of a hundred events to the events API, which lands them as files."""

    def __init__(self, landing: Path) -> None:
        self._api = Api(FolderStore(landing))
        self._sent = 0

    def declared(self, feed: str) -> dict[str, Any]:
        path = f"{{landing}}/events/{feed}"
        return {"reader": "files", "format": "parquet", "payload_column": "payload", "path": path}

    def send(self, feed: str, payloads: Payloads) -> None:
        for part in _hundreds(payloads):
            events = ",".join(
                f'{{"event_id": "{self._sent + place}", {payload.lstrip()[1:]}' for place, payload in enumerate(part)
            )
            self._sent += len(part)
            answer = self._api.answer(post(f"[{events}]", path=f"/events/{feed}"))
            assert answer["statusCode"] == 202, answer


class Kafka(Way):
    """Messages of a topic."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.connection = {"kind": "kafka", "servers": broker.servers}

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "kafka", "topic": feed}

    def prepare(self, feed: str, payloads: Payloads) -> None:
        self._broker.create(feed)

    def send(self, feed: str, payloads: Payloads) -> None:
        self._broker.produce(feed, [(None, payload) for payload in payloads])


class Kinesis(Way):
    """Records of a stream with one shard."""

    def __init__(self, server: KinesisServer) -> None:
        self._client = server.client()
        key = {"secret": "aws"}
        self.connection = {
            "kind": "aws",
            "region": REGION,
            "endpoint": server.endpoint,
            "access_key": key,
            "secret_key": key,
        }

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "kinesis", "stream": feed}

    def prepare(self, feed: str, payloads: Payloads) -> None:
        self._client.create_stream(StreamName=feed, ShardCount=1)

    def send(self, feed: str, payloads: Payloads) -> None:
        for part in _hundreds(payloads):
            records = [{"Data": payload.encode(), "PartitionKey": "k"} for payload in part]
            self._client.put_records(StreamName=feed, Records=records)


def _hundreds(payloads: Payloads) -> list[Payloads]:
    return [payloads[number : number + 100] for number in range(0, len(payloads), 100)]


class PostgresTables(Way):
    """Rows of a table with a column for each field, which holds the text that silver sees."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._columns: dict[str, list[str]] = {}
        self._rows = 0
        self.connection = server.connection()

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "postgres_tables", "tables": [f"public.{feed}"]}

    def prepare(self, feed: str, payloads: Payloads) -> None:
        names = list(dict.fromkeys(name for record in map(_fields, payloads) for name in record))
        columns = ", ".join(f'"{name}" text' for name in names)
        self._server.execute(f'CREATE TABLE "{feed}" (n bigint PRIMARY KEY, {columns})')
        self._columns[feed] = names

    def send(self, feed: str, payloads: Payloads) -> None:
        names, rows = self._columns[feed], []
        for record in map(_fields, payloads):
            self._rows += 1
            rows.append((self._rows, *map(record.get, names)))
        listed, marks = ", ".join(f'"{name}"' for name in names), ", ".join(["%s"] * (len(names) + 1))
        with self._server.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(f'INSERT INTO "{feed}" (n, {listed}) VALUES ({marks})', rows)


class PostgresCdc(PostgresTables):
    """The same, read from the database's log."""

    def declared(self, feed: str) -> dict[str, Any]:
        return {"reader": "postgres_cdc", "tables": [f"public.{feed}"], "publication": f"lake_{feed}"}

    def prepare(self, feed: str, payloads: Payloads) -> None:
        super().prepare(feed, payloads)
        self._server.execute(f'CREATE PUBLICATION lake_{feed} FOR TABLE "{feed}"')


def _fields(payload: str) -> dict[str, str | None]:
    return fields_of(payload, record_decoder())
