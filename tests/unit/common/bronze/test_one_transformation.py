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
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, cached_property, partial
from pathlib import Path

import pytest
from pyspark.sql import functions as F
from ways import SECRETS, Files, Http, Kafka, Kinesis, Payloads, PostgresCdc, PostgresTables, Sftp, Way

from common.bronze.ingest import ingest, pull
from common.checks.conservation import accounted
from common.contracts.bronze import bronze_table
from common.contracts.conventions import LINEAGE
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import CUSTOMER, QUARANTINE, REFERENCES, TARGETS
from common.contracts.star import DIMENSIONS, FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.contracts.table import Table
from common.gold.star_schema import build_star_schema
from common.gold.transaction_features import build_features
from common.settings import repository, settings_from
from common.silver.refine import refine
from common.sources.declaration import Source, load_source
from common.sources.files.parsing import parse_file
from common.sources.records import fields_of, record_decoder
from common.storage.lake import Lake
from local.simulate import World, simulate
from servers.kafka import Broker
from servers.kinesis import KinesisServer, as_on_aws
from servers.postgres import Postgres
from servers.sftp import SftpServer

pytestmark = pytest.mark.spark

SIMULATED = load_source(repository() / "sources", "simulated")
OFTEN = {
    "missing_id_rate": 0.02,
    "invalid_id_rate": 0.02,
    "bad_date_rate": 0.02,
    "unknown_currency_rate": 0.02,
    "negative_amount_rate": 0.02,
    "stray_text_rate": 0.02,
    "date_format_rate": 0.02,
    "country_name_rate": 0.02,
    "unknown_field_rate": 0.02,
    "reference_dirt_rate": 0.05,
    "customer_move_rate": 0.1,
    "account_balance_rate": 0.1,
    "merchant_risk_rate": 0.1,
    "terminal_move_rate": 0.1,
    "stolen_card_share": 0.3,
}
SMALL = World(customers=20, merchants=20, terminals=20, days=5, **OFTEN)
"""Few records, and every second one is odd in some way."""

AS_IT_HAPPENED = "as_it_happened"
READERS = ("files", "http", "kafka", "kinesis", "postgres_cdc", "postgres_tables", "sftp")
LETTERS = dict(zip((AS_IT_HAPPENED, *READERS), "BDEFGHJK", strict=True))
"""The letter of each world, which stands after the first letter of its ids."""
_ID = re.compile(r"(?<![A-Za-z0-9])([ACMPTacmpt])(?=[0-9]{6})")
_ID_OF_A_WORLD = re.compile(rf"(?<![A-Za-z0-9])([ACMPTacmpt])([{''.join(LETTERS.values())}])(?=[0-9]{{6}})")
_WORLDS = {letter: name for name, letter in LETTERS.items()}

LATE = ("customers", "transactions", "fraud_reports")
"""The targets that take both runs one after the other: a history, and all that are none. The other histories, which are
kept in the same way, take both at once."""

TOGETHER = "together"
"""The feed of all readers' records, for silver."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The simulated world's records as JSON text, dirt included, in the order of their days.

    The field `feed` says where a record belongs. Of those that tell one transaction in two ways, the first is there.
    """
    landing = tmp_path_factory.mktemp("world")
    simulate(landing, SMALL)
    at = settings_from(landing=str(landing))
    found: list[str] = []
    for name, feed in SIMULATED.feeds.items():
        assert feed.reader == "files"
        for path in sorted(Path(feed.place(SIMULATED.at(name, at))).glob("*")):
            for _, texts, errors in parse_file(path.read_bytes(), feed.layout):
                payloads = [t for t, error in zip(texts.to_pylist(), errors.to_pylist(), strict=True) if not error]
                found += [f'{{"feed": "{name}", {payload.lstrip()[1:]}' for payload in payloads]
    return _consistent(found)


def _consistent(payloads: Payloads) -> list[str]:
    contents: dict[str, str] = {}
    kept = []
    for payload in payloads:
        try:
            fields = fields_of(payload, record_decoder())
        except ValueError:
            continue  # only a file can hold it: each reader has tests of what it refuses
        content = json.dumps(fields, sort_keys=True)
        if fields["feed"] != "transactions" or contents.setdefault(str(fields.get("id")), content) == content:
            kept.append(payload)
    return kept


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


def _of(letter: str, payloads: Payloads) -> list[str]:
    """The records with the ids of a world."""
    return [_ID.sub(rf"\g<1>{letter}", payload) for payload in payloads]


def _runs(name: str, payloads: Payloads) -> tuple[list[str], list[str]]:
    """What is sent before each run."""
    earlier, later = [], []
    for feed in SIMULATED.feeds:
        of_feed = [payload for payload in payloads if f'"feed": "{feed}"' in payload]
        earlier += of_feed[: len(of_feed) // 2]
        later += of_feed[len(of_feed) // 2 :]
    if name == AS_IT_HAPPENED:
        return earlier, later
    return later[::-1], [*earlier, *reversed(earlier + later)]


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
        payloads = _of(LETTERS[name], world)
        sent[name] = _runs(name, payloads)
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
            text = json.dumps(row, sort_keys=True)
            (letter,) = {letter for _, letter in _ID_OF_A_WORLD.findall(text)}  # ids of two worlds never meet in a row
            found[_WORLDS[letter]].append(_ID_OF_A_WORLD.sub(r"\g<1>", text))
        return {name: sorted(texts) for name, texts in found.items()}

    def _read(self, table: Table) -> list[dict[str, object]]:
        if table in SURROGATES:
            return list(self._versions[table].values())
        versions = {SURROGATES[dimension]: self._versions[dimension] for dimension in SURROGATES}
        rows = self._json(table)
        for row in rows:
            row |= {key: versions[key].get(row[key]) for key in versions.keys() & row.keys()}  # type: ignore[call-overload]
        return rows

    @cached_property
    def _versions(self) -> dict[Table, dict[int, dict[str, object]]]:
        """The rows of each dimension by surrogate key, a digest of the row's content; without the unknown member."""
        found = {table: {row.pop(key): row for row in self._json(table)} for table, key in SURROGATES.items()}
        for rows in found.values():
            rows.pop(-1)
        return found  # type: ignore[return-value]

    def _json(self, table: Table) -> list[dict[str, object]]:
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
        (letter,) = {letter for _, letter in _ID_OF_A_WORLD.findall(row["payload"])}
        found[_WORLDS[letter]].append((row["target"], *row["failed"]))
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
