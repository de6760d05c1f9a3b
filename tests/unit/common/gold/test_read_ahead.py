"""A topic's transactions decided before bronze has them: each once, as the way through bronze and silver decides."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from payment_records import COLUMNS, payment_record
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scoring_models import a_champion, scored_by

from common.bronze.ingest import ingest
from common.bronze.unread import note_unread
from common.contracts.bronze import bronze_table
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.errors import FeedError, LakehouseError
from common.gold import score_stream
from common.gold.score_stream import score_on
from common.gold.transaction_scores import score_new
from common.result import Result
from common.settings import Settings
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.checkpoints import streams
from common.storage.lake import Lake
from common.storage.streams import Trigger
from servers.kafka import Broker

PATIENCE_SECONDS = 300


def payment(number: int, amount: str = "12.50") -> tuple[str, str]:
    return "C1", json.dumps(payment_record(number, 90, amount))


def scored(lake: Lake) -> dict[str, dict[str, Any]]:
    """What is decided, without the time."""
    rows = [row.asDict(recursive=True) for row in lake.table(TRANSACTION_SCORES).drop("scored_at").collect()]
    found = {row["transaction_id"]: row for row in rows}
    assert len(found) == len(rows), "one is there twice"
    return found


@contextmanager
def going_on(lake: Lake, source: Source, rows: int) -> Iterator[None]:
    """The streams go on until the block has ended and so many transactions are decided."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            score_on(lake, source, a_champion(), Trigger("processing_time", 1))
        except Exception as error:  # shown by the test that waits
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (lake.exists(TRANSACTION_SCORES) and lake.table(TRANSACTION_SCORES).count() >= rows):
            assert thread.is_alive(), failures
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        while thread.is_alive():
            for query in lake.spark.streams.active:
                query.stop()
            thread.join(1)
    assert not failures


def wait_for_queries(lake: Lake, count: int) -> None:
    """Waits until so many queries have looked for what there is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len([query for query in lake.spark.streams.active if query.lastProgress]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def accept_from_elsewhere(lake: Lake) -> None:
    """Adds a transaction of another customer to silver, which the topic doesn't have."""
    names = {"transaction_id": "E1", "record_id": "E1", "customer_id": "C2", "terminal_id": "T2"}
    other = lake.table(TRANSACTIONS).where("transaction_id = 'P1'")
    other = other.withColumns({column: F.lit(value) for column, value in names.items()})
    lake.append(other.withColumn("accepted_at", F.current_timestamp()), TRANSACTIONS)


def run_the_jobs_steps(lake: Lake, source: Source) -> int | None:
    ingest(lake, source)
    refine(lake, source, "transactions")
    return score_new(lake, a_champion()).rows_out


def source_of(servers: str, **other: Any) -> Source:
    shared = {"reader": "kafka", "connection": "broker", "into": {"transactions": {"map": COLUMNS}}}
    partner = {"kind": "sftp", "host": "sftp.example", "user": "lake", "password": {"secret": "p"}, "host_key": "x y"}
    return Source.model_validate(
        {
            "name": "bank",
            "description": "A bank's payments.",
            "connections": {"broker": {"kind": "kafka", "servers": servers}, "partner": partner},
            "feeds": {"payments": {**shared, "topic": "payments"}, **other},
        }
    )


def test_decisions_come_before_bronze_and_the_jobs_steps_go_on_from_them(
    lake: Lake, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_stream, "KEEPING_SECONDS", 3600)
    broker.create("payments", 2)
    source = source_of(broker.servers)
    broker.produce("payments", [payment(0), payment(1)])
    with going_on(lake, source, 7):
        wait_for_queries(lake, 4)
        accept_from_elsewhere(lake)
        broker.produce("payments", [payment(2), payment(2), payment(3, "60.00"), payment(4, "much")])
        broker.produce("payments", [payment(5), ("C1", "no JSON"), payment(2, "99.00"), payment(6)])
    decided = scored(lake)
    assert decided.keys() == {"P0", "P1", "P2", "P3", "P5", "P6", "E1"}
    assert lake.table(bronze_table("payments")).count() == 2, "bronze was to follow later"

    broker.produce("payments", [payment(7)], partition=1)
    assert run_the_jobs_steps(lake, source) == 1
    found = scored(lake)
    assert {name: found[name] for name in decided} == decided
    transactions = lake.table(TRANSACTIONS)
    assert found.keys() == {row[0] for row in transactions.select("transaction_id").collect()}
    slowly = scored_by(lake, transactions, a_champion()).drop("scored_at").collect()
    assert found == {row["transaction_id"]: row.asDict(recursive=True) for row in slowly}
    refused = lake.table(QUARANTINE).select(F.explode("failed_checks.name")).collect()
    assert sorted(row[0] for row in refused) == ["amount_convertible", "conflict", "well_formed"]
    assert not [stream for stream in streams(lake.settings) if "decisions" in stream.name]


def test_a_feed_that_is_pulled_beside_the_topic_stops_all_before_anything_is_read(tmp_path: Path) -> None:
    def no_session() -> SparkSession:
        raise AssertionError("Spark is started")

    pulled = {"reader": "sftp", "connection": "partner", "format": "json_lines", "path": "/out"}
    source = source_of("localhost:1", more={**pulled, "into": {"transactions": {"map": COLUMNS}}})
    with pytest.raises(LakehouseError, match="are pulled when a run begins"):
        score_on(Lake(no_session, Settings(home=tmp_path)), source, a_champion(), Trigger("processing_time", 1))


def test_a_topic_that_was_away_while_catching_up_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_session() -> SparkSession:
        raise AssertionError("Spark is started")

    def ingest_what_is_there(lake: Lake, source: Source) -> Result:
        note_unread(source, lake.settings, {"payments": FeedError("no broker answers")})
        return Result(7, 7, "see the warning")

    monkeypatch.setattr(score_stream, "ingest", ingest_what_is_there)
    lake, lines = Lake(no_session, Settings(home=tmp_path)), list[str]()
    with pytest.raises(FeedError, match="payments: no broker answers"):
        score_on(lake, source_of("localhost:1"), a_champion(), Trigger("processing_time", 1), lines.append)
    assert lines == ["bronze: 7 rows, see the warning"]
