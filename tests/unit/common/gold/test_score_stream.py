"""Files to scores by streams that go on: what lands while they run is scored, each transaction once."""

import json
import threading
import time
from pathlib import Path

import pytest
from gold_worlds import at
from payment_records import COLUMNS, payment_record
from scoring_models import a_champion

from common.bronze.ingest import ingest
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.errors import LakehouseError
from common.gold.score_stream import score_on
from common.gold.transaction_scores import score_new
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from common.storage.streams import Trigger

pytestmark = pytest.mark.spark

EVERY_SECOND = Trigger("processing_time", 1)
PATIENCE_SECONDS = 240
SOURCE = Source.model_validate(
    {
        "name": "lines",
        "description": "Payments as JSON lines.",
        "feeds": {
            "transactions": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/lines",
                "into": {"transactions": {"map": COLUMNS}},
            },
            "reports": {
                "reader": "files",
                "format": "json_lines",
                "path": "{landing}/reports",
                "into": {
                    "fraud_reports": {
                        "map": {"transaction_id": "id", "is_fraud": "fraud = 'yes'", "reported_at": "at"},
                    }
                },
            },
        },
    }
)


def land(landing: Path, file: str, first: int, last: int) -> None:
    unfinished = landing / "lines" / f"{file}.tmp"
    unfinished.write_text("\n".join(json.dumps(payment_record(n)) for n in range(first, last)))
    unfinished.rename(landing / "lines" / file)


def report(landing: Path, transaction: str) -> None:
    line = {"id": transaction, "fraud": "yes", "at": at(1).isoformat()}
    unfinished = landing / "reports" / "one.tmp"
    unfinished.write_text(json.dumps(line))
    unfinished.rename(landing / "reports" / "one.jsonl")


def scored(lake: Lake) -> list[str]:
    return sorted(row[0] for row in lake.table(TRANSACTION_SCORES).select("transaction_id").collect())


@pytest.fixture(scope="module")
def going_on(lake: Lake, landing: Path) -> Lake:
    """A lake where streams went on over two deliveries, and were stopped."""
    for folder in ("lines", "reports"):
        (landing / folder).mkdir()
    land(landing, "one.jsonl", 0, 3)
    failures: list[Exception] = []

    def run() -> None:
        try:
            score_on(lake, SOURCE, a_champion(), EVERY_SECOND)
        except Exception as error:  # shown by the test that waits
            failures.append(error)

    def wait_for(rows: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (lake.exists(TRANSACTION_SCORES) and len(scored(lake)) >= rows):
            assert not failures
            assert time.monotonic() < deadline
            time.sleep(1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for(3)
        report(landing, "P1")
        land(landing, "two.jsonl", 3, 7)
        wait_for(7)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while lake.table(FRAUD_REPORTS).isEmpty():
            assert not failures
            assert time.monotonic() < deadline, "the report is not in silver"
            time.sleep(1)
    finally:
        for query in lake.spark.streams.active:
            query.stop()
        thread.join()
    assert not failures
    return lake


def test_what_lands_while_the_streams_go_on_is_scored_once(going_on: Lake) -> None:
    assert scored(going_on) == [f"P{n}" for n in range(7)]


def test_the_steps_that_end_go_on_where_the_streams_were_stopped(going_on: Lake, landing: Path) -> None:
    land(landing, "three.jsonl", 7, 9)
    assert ingest(going_on, SOURCE).rows_out == 2
    assert refine(going_on, SOURCE, "transactions").rows_out == 2
    assert score_new(going_on, a_champion()).rows_out == 2
    assert scored(going_on) == [f"P{n}" for n in range(9)]


def test_a_model_of_other_features_stops_all_before_anything_is_read(going_on: Lake, landing: Path) -> None:
    land(landing, "four.jsonl", 9, 10)
    with pytest.raises(LakehouseError, match="shoe_size"):
        score_on(going_on, SOURCE, a_champion((*FEATURE_NAMES[:-1], "shoe_size")), EVERY_SECOND)
    assert going_on.table(TRANSACTIONS).count() == 9
    assert not going_on.spark.streams.active
