"""One world through every reader: the same rows of silver and gold, whichever way the records come.

The world is there once for each reader, side by side in one lakehouse; the worlds differ in one letter of their ids. By
every reader it comes in two runs: the later days first, backwards; then the earlier days, late, and every record a
second time, in another order. What that makes is compared with a world that came by files, once, as it happened.

Each reader brings all records of its world in one feed with a bronze table of its own. What bronze received is put into
one table, which silver reads: silver knows nothing of a record but its row in bronze, and nothing of a feed but how its
values are spelt, which is the same here. So the work that differs is done by each reader, and the rest once for all.

Gold reads silver and gold alone (`test_reads_no_bronze.py`), so that equal silver makes equal gold. The star schema and
the features, on which all else rests, are compared all the same.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F
from reader_worlds import AS_IT_HAPPENED, LETTERS, READERS, SIMULATED, in_two_runs, of_world, simulated, world_of
from ways import SECRETS, Files, Http, Kafka, Kinesis, PostgresCdc, PostgresTables, Sftp, Way

from common.bronze.ingest import ingest, pull
from common.checks.conservation import accounted
from common.contracts.bronze import bronze_table
from common.contracts.conventions import LINEAGE
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import CUSTOMER, QUARANTINE, REFERENCES, TARGETS
from common.contracts.star import DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION, UNKNOWN_KEY
from common.contracts.table import Table
from common.gold.star_schema import build_star_schema
from common.gold.transaction_features import build_features
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from servers.kafka import Broker
from servers.kinesis import KinesisServer, as_on_aws
from servers.postgres import Postgres
from servers.sftp import SftpServer

pytestmark = [pytest.mark.spark, pytest.mark.long]  # each reader has tests of its own

LATE = ("customers", "transactions", "fraud_reports")
"""The targets that take both runs one after the other: a history, and all that are none. The other histories, which are
kept in the same way, take both at once."""

TOGETHER = "together"
"""The feed of all readers' records, for silver."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return simulated(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def ways(
    broker: Broker, postgres: Postgres, landing: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Way]]:
    """How each world comes."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(f"LAKEHOUSE_SECRET_{name.upper()}", value)
        sftp = SftpServer(tmp_path_factory.mktemp("sftp"))
        stack.callback(sftp.close)
        sftp.start()
        kinesis = KinesisServer()
        stack.callback(kinesis.stop)
        kinesis.start()
        stack.enter_context(as_on_aws())
        yield {
            AS_IT_HAPPENED: Files(landing),
            "files": Files(landing),
            "http": Http(landing),
            "kafka": Kafka(broker),
            "kinesis": Kinesis(kinesis),
            "postgres_cdc": PostgresCdc(postgres),
            "postgres_tables": PostgresTables(postgres),
            "sftp": Sftp(sftp),
        }


@pytest.fixture(scope="module")
def taken(lake: Lake, world: list[str], ways: Mapping[str, Way]) -> Lake:
    """The lake with all worlds in it, as far as the star schema and the features."""
    into = {
        target: mapping.model_dump() | {"where": f"feed = '{name}'"}
        for name, feed in SIMULATED.feeds.items()
        for target, mapping in feed.into.items()
    }
    feeds, sent = {}, {}
    for name, way in ways.items():
        payloads = of_world(name, world)
        sent[name] = in_two_runs(name, payloads)
        way.prepare(name, payloads)
        connection = {} if way.connection is None else {"connection": name}
        feeds[name] = way.declared(name) | connection | {"into": into}
    connections = {name: way.connection for name, way in ways.items() if way.connection is not None}
    readers = _source(connections=connections, feeds=feeds)
    together = _source(feeds={TOGETHER: {"reader": "files", "format": "json_lines", "path": "{landing}", "into": into}})
    for run in (0, 1):
        for name, way in ways.items():
            way.send(name, sent[name][run])
        ingest(lake, readers, pulled=pull(lake, readers))
        _put_together(lake, list(ways))
        lake.ensure(CUSTOMER.history)  # which transactions look into
        _at_once(partial(refine, lake, together, target) for target in (TARGETS if run else LATE))
    _at_once(partial(build, lake) for build in (build_star_schema, build_features))
    return lake


def _at_once(steps: Iterable[Callable[[], object]]) -> None:
    with ThreadPoolExecutor() as pool:
        for step in [pool.submit(step) for step in steps]:
            step.result()


def _source(**parts: object) -> Source:
    return Source.model_validate({"name": "world", "description": "A world.", **parts})


def _put_together(lake: Lake, feeds: list[str]) -> None:
    """Adds to the table that silver reads what is new in the readers' tables."""
    table = bronze_table(TOGETHER)
    lake.ensure(table)
    parts = [f"SELECT * FROM {lake.full_name(bronze_table(feed))}" for feed in feeds]
    lake.insert_new(lake.spark.sql(" UNION ALL ".join(parts)), table)


OF_RUNS = {*(column.name for column in LINEAGE), "is_known_customer", "content_hash", "computed_at", "updated_at"}
"""Columns that say where a row came from and what was known then, and a digest of the ids of its world."""
SURROGATES = {table: table.columns[0].name for table in DIMENSIONS.values()}


class Rows:
    """Tables' rows by world, as texts without what differs between runs and between worlds."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.of = cache(self._of)

    def _of(self, table: Table) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in LETTERS}
        for row in self._read(table):
            name, text = world_of(json.dumps(row, sort_keys=True))
            found[name].append(text)
        return {name: sorted(texts) for name, texts in found.items()}

    def _read(self, table: Table) -> list[dict[str, Any]]:
        if table in SURROGATES:
            return [row for key, row in self._versions[table].items() if key != UNKNOWN_KEY]
        versions = {SURROGATES[dimension]: self._versions[dimension] for dimension in SURROGATES}
        return [
            row | {key: versions[key][row[key]] for key in versions.keys() & row.keys()} for row in self._json(table)
        ]

    @cached_property
    def _versions(self) -> dict[Table, dict[int, dict[str, Any]]]:
        """The rows of each dimension by surrogate key, which is a digest of the row's content."""
        return {table: {row.pop(key): row for row in self._json(table)} for table, key in SURROGATES.items()}

    def _json(self, table: Table) -> list[dict[str, Any]]:
        columns = [name for name in table.column_names if name not in OF_RUNS]
        rows = self._lake.table(table).select(F.to_json(F.struct(*columns), {"ignoreNullFields": "false"}).alias("row"))
        return [json.loads(row["row"], parse_float=str) for row in rows.collect()]


@pytest.fixture(scope="module")
def rows(taken: Lake) -> Rows:
    return Rows(taken)


COMPARED = (
    *TARGETS.values(),
    *(reference.history for reference in REFERENCES.values()),
    *DIMENSIONS.values(),
    FACT_TRANSACTION,
    FACT_FRAUD_REPORT,
    TRANSACTION_FEATURES,
)


@pytest.mark.parametrize("table", COMPARED, ids=lambda table: table.name)
@pytest.mark.parametrize("reader", READERS)
def test_the_same_world_ends_in_the_same_rows(rows: Rows, reader: str, table: Table) -> None:
    found = rows.of(table)

    assert found[AS_IT_HAPPENED]
    assert found[reader] == found[AS_IT_HAPPENED]


@pytest.fixture(scope="module")
def refused(taken: Lake) -> dict[str, list[tuple[str, ...]]]:
    """Of each world's refused records, the target and the checks that failed."""
    failed = F.sort_array("failed_checks.name").alias("failed")
    found: dict[str, list[tuple[str, ...]]] = {name: [] for name in LETTERS}
    for row in taken.table(QUARANTINE).select("target", "payload", failed).collect():
        name, _ = world_of(row["payload"])
        found[name].append((row["target"], *row["failed"]))
    return {name: sorted(rows) for name, rows in found.items()}


@pytest.mark.parametrize("reader", READERS)
def test_the_same_records_are_refused_for_the_same_reasons(
    refused: dict[str, list[tuple[str, ...]]], reader: str
) -> None:
    assert refused[AS_IT_HAPPENED]
    assert refused[reader] == sorted(refused[AS_IT_HAPPENED] * 2)  # each came twice


def test_every_record_is_accounted_for_and_what_came_twice_is_a_duplicate(taken: Lake) -> None:
    sums = {row["target"]: row for row in accounted(taken).collect()}

    assert sums.keys() == {table.name for table in TARGETS.values()}
    assert all(row["holds"] for row in sums.values())
    for row in sums.values():
        assert row["duplicates"] >= row["accepted"] * len(READERS) / len(LETTERS)
