"""One world through every reader: the same rows of silver and gold, whichever way each record comes.

By files alone in the order of their days; and by six readers at once, a feed each, every record sent twice, the later
days first.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from apps.events_api.api import Api
from apps.events_api.folder_store import FolderStore
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.bronze.ingest import ingest, pull
from common.checks.conservation import accounted
from common.contracts.conventions import LINEAGE
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import REFERENCES, TARGETS
from common.contracts.star import FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.gold.star_schema import build_star_schema
from common.gold.transaction_features import build_features
from common.settings import repository, settings_from
from common.silver.refine import refine
from common.sources.declaration import Source, load_source
from common.sources.files.parsing import parse_file
from common.sources.records import fields_of, record_decoder
from common.storage.lake import Lake
from local.simulate import World, simulate
from servers.aws import REGION
from servers.gateway import post
from servers.kafka import Broker
from servers.kinesis import KinesisServer, as_on_aws
from servers.postgres import Postgres
from servers.sftp import PASSWORD, USER, SftpServer

pytestmark = pytest.mark.spark

Payloads = Sequence[str]
World_ = dict[str, list[str]]
"""The records of each feed, in the order of their days, as JSON text."""

SIMULATED = load_source(repository() / "sources", "simulated")
SMALL = World(customers=50, merchants=20, terminals=40, days=4)


class Way(Protocol):
    """How records come to a feed: what it declares, and who sends them."""

    connection: dict[str, Any] | None

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        """Sends the records, and gives the options of their feed."""


class Files:
    connection = None

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        folder = landing / "lines" / feed
        folder.mkdir(parents=True)
        (folder / "all.jsonl").write_text("".join(f"{payload}\n" for payload in payloads))
        return {"reader": "files", "format": "json_lines", "path": f"{{landing}}/lines/{feed}"}


class Http:
    connection = None

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        api = Api(FolderStore(landing))
        for number in range(0, len(payloads), 100):
            events = ",".join(
                f'{{"event_id": "{number + place}", {payload.lstrip()[1:]}'
                for place, payload in enumerate(payloads[number : number + 100])
            )
            answer = api.answer(post(f"[{events}]", path=f"/events/{feed}"))
            assert answer["statusCode"] == 202, answer
        path = f"{{landing}}/events/{feed}"
        return {"reader": "files", "format": "parquet", "payload_column": "payload", "path": path}


class Kafka:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.connection = {"kind": "kafka", "servers": broker.servers}

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        del landing
        self._broker.create(feed)
        self._broker.produce(feed, [(None, payload) for payload in payloads])
        return {"reader": "kafka", "topic": feed}


class Sftp:
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

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        del landing
        folder = self._server.root / feed
        folder.mkdir()
        (folder / "all.jsonl").write_text("".join(f"{payload}\n" for payload in payloads))
        return {"reader": "sftp", "path": f"/{feed}", "ready": {"quiet": "0 seconds"}, "format": "json_lines"}


class Kinesis:
    def __init__(self, server: KinesisServer) -> None:
        self._server = server
        key = {"secret": "aws"}
        self.connection = {
            "kind": "aws",
            "region": REGION,
            "endpoint": server.endpoint,
            "access_key": key,
            "secret_key": key,
        }

    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        del landing
        client = self._server.client()
        client.create_stream(StreamName=feed, ShardCount=1)
        for number in range(0, len(payloads), 100):
            records = [{"Data": payload.encode(), "PartitionKey": "k"} for payload in payloads[number : number + 100]]
            client.put_records(StreamName=feed, Records=records)
        return {"reader": "kinesis", "stream": feed}


class _Database:
    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.connection = server.connection()

    def _write(self, feed: str, payloads: Payloads) -> None:
        """A table with a column for each field, as the texts that silver sees, and a row for each record."""
        records = [fields_of(payload, record_decoder()) for payload in payloads]
        names = list(dict.fromkeys(name for record in records for name in record))
        columns = ", ".join(f'"{name}" text' for name in names)
        self._server.execute(f'CREATE TABLE "{feed}" (n bigint PRIMARY KEY, {columns})')
        self._prepare(feed)
        listed, marks = ", ".join(f'"{name}"' for name in names), ", ".join(["%s"] * (len(names) + 1))
        with self._server.connect() as connection, connection.cursor() as cursor:
            rows = [(number, *map(record.get, names)) for number, record in enumerate(records)]
            cursor.executemany(f'INSERT INTO "{feed}" (n, {listed}) VALUES ({marks})', rows)

    def _prepare(self, feed: str) -> None:
        """Called between the table and its rows."""


class PostgresTables(_Database):
    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        del landing
        self._write(feed, payloads)
        return {"reader": "postgres_tables", "tables": [f"public.{feed}"]}


class PostgresCdc(_Database):
    def send(self, feed: str, payloads: Payloads, landing: Path) -> dict[str, Any]:
        del landing
        self._write(feed, payloads)
        return {"reader": "postgres_cdc", "tables": [f"public.{feed}"], "publication": f"lake_{feed}"}

    def _prepare(self, feed: str) -> None:
        self._server.execute(f'CREATE PUBLICATION lake_{feed} FOR TABLE "{feed}"')


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World_:
    """The simulated world's records, dirt included; of those that tell one transaction in two ways, the first."""
    landing = tmp_path_factory.mktemp("world")
    simulate(landing, SMALL)
    at = settings_from(landing=str(landing))
    found: World_ = {}
    for name, feed in SIMULATED.feeds.items():
        assert feed.reader == "files"
        payloads: list[str] = []
        for path in sorted(Path(feed.place(SIMULATED.at(name, at))).glob("*")):
            for _, texts, errors in parse_file(path.read_bytes(), feed.layout):
                payloads += [t for t, error in zip(texts.to_pylist(), errors.to_pylist(), strict=True) if not error]
        found[name] = _told_once(payloads, "id" if name == "transactions" else None)
    return found


def _told_once(payloads: Payloads, key: str | None) -> list[str]:
    told: dict[str, str] = {}
    kept = []
    for payload in payloads:
        try:
            fields = fields_of(payload, record_decoder())
        except ValueError:
            continue  # only a file can hold it: each reader has tests of what it refuses
        content = json.dumps(fields, sort_keys=True)
        if key is None or told.setdefault(str(fields.get(key)), content) == content:
            kept.append(payload)
    return kept


@pytest.fixture(scope="module")
def ways(broker: Broker, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    """A way for each feed of the simulated world."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_SECRET_PARTNER", PASSWORD)
        patch.setenv("LAKEHOUSE_SECRET_AWS", "test")
        sftp = SftpServer(tmp_path_factory.mktemp("sftp"))
        stack.callback(sftp.close)
        sftp.start()
        kinesis = KinesisServer()
        stack.callback(kinesis.stop)
        kinesis.start()
        stack.enter_context(as_on_aws())
        yield {
            "customers": PostgresCdc(postgres),
            "accounts": PostgresTables(postgres),
            "merchants": Sftp(sftp),
            "terminals": Kinesis(kinesis),
            "transactions": Kafka(broker),
            "fraud_reports": Http(),
        }


def a_lake(spark: SparkSession, prefix: str, folder: Path) -> Lake:
    landing = folder / "landing"
    landing.mkdir(parents=True)
    return Lake(spark, replace(settings_from(schema_prefix=prefix, landing=str(landing)), home=folder))


def taken(lake: Lake, world: World_, ways: dict[str, Way]) -> None:
    """Sends the world's records each in its way, and takes them to gold."""
    landing = Path(lake.settings.landing)
    feeds, connections = {}, {}
    for name, payloads in world.items():
        declared = ways[name].send(name, payloads, landing)
        if (connection := ways[name].connection) is not None:
            connections[name] = connection
            declared["connection"] = name
        into = {target: mapping.model_dump() for target, mapping in SIMULATED.feeds[name].into.items()}
        feeds[name] = declared | {"into": into}
    source = Source.model_validate(
        {"name": "world", "description": "A world.", "connections": connections, "feeds": feeds}
    )
    ingest(lake, source, pulled=pull(lake, source))
    for target in ("customers", *(name for name in TARGETS if name != "customers")):
        refine(lake, source, target)
    build_star_schema(lake)
    build_features(lake)
    assert all(row["holds"] for row in accounted(lake).collect())


def rows_of(lake: Lake, table: str, leaving_out: Sequence[str]) -> list[str]:
    rows: DataFrame = lake.table(table)
    kept = sorted(name for name in rows.columns if name not in leaving_out)
    texts = rows.select(F.to_json(F.struct(*kept), {"ignoreNullFields": "false"}).alias("row")).collect()
    return sorted(row["row"] for row in texts)


@pytest.fixture(scope="module")
def both(
    spark: SparkSession,
    schema_prefix: str,
    world: World_,
    ways: dict[str, Way],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Lake, Lake]]:
    by_files = a_lake(spark, schema_prefix, tmp_path_factory.mktemp("by_files"))
    taken(by_files, world, dict.fromkeys(world, Files()))
    other = f"{schema_prefix}ways_"
    by_all = a_lake(spark, other, tmp_path_factory.mktemp("by_all"))
    twice = {name: [*reversed(payloads), *payloads] for name, payloads in world.items()}
    taken(by_all, twice, ways)
    yield by_files, by_all
    for layer in ("bronze", "silver", "gold", "ops"):
        spark.sql(f"DROP SCHEMA IF EXISTS {other}{layer} CASCADE")


COMPARED = [
    *(table.name for table in TARGETS.values()),
    *(reference.history.name for reference in REFERENCES.values()),
    TRANSACTION_FEATURES.name,
    FACT_TRANSACTION.name,
    FACT_FRAUD_REPORT.name,
]
OF_RUNS = {*(column.name for column in LINEAGE), "computed_at", "updated_at"}


@pytest.mark.parametrize("table", COMPARED)
def test_the_same_world_ends_in_the_same_rows(both: tuple[Lake, Lake], table: str) -> None:
    by_files, by_all = both

    expected = rows_of(by_files, table, [*OF_RUNS, "is_known_customer"])

    assert expected
    assert rows_of(by_all, table, [*OF_RUNS, "is_known_customer"]) == expected


def test_what_came_twice_counts_as_duplicates(both: tuple[Lake, Lake]) -> None:
    _, by_all = both
    sums = {(row["feed"], row["target"]): row["duplicates"] for row in accounted(by_all).collect()}

    assert sums["transactions", TARGETS["transactions"].name] >= 50
