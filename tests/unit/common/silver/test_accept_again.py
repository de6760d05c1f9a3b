"""A batch that was killed at some step and is run again ends as if it had been done once."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES, UNMAPPED_FIELDS
from common.contracts.silver import CUSTOMER, QUARANTINE
from common.errors import LakehouseError
from common.silver import accept as accepting
from common.silver.accept import Flow, accept
from common.silver.conform import conform
from common.sources.declaration import Source
from common.storage.batches import BatchId, Counts
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def a_source(name: str = "name") -> Source:
    mapping = {"customer_id": "id", "full_name": name, "changed_at": "at"}
    feed = {"reader": "files", "format": "csv", "path": "x", "into": {"customers": {"map": mapping}}}
    return Source.model_validate({"name": "shop", "description": "A shop.", "feeds": {"people": feed}})


TABLE = CUSTOMER.changes
FLOW = Flow("shop", "people", TABLE, "unused")

PEOPLE = (
    {"id": "C1", "name": "Ann Lee", "at": "2025-01-01"},
    {"id": "C1", "name": "Ann Lee", "at": "2025-01-01"},
    {"id": "C2", "name": "Bob Ray", "at": "2025-01-01", "shoe size": 44, "nickname": "B"},
    {"id": "no id", "name": "Cy Orr", "at": "2025-01-01"},
)
EXPECTED = Counts(records_read=4, accepted=2, duplicates=1, quarantined=1)


def batch_of(lake: Lake, number: int, source: Source) -> DataFrame:
    """The people of a batch as bronze rows, conformed."""
    rows = [
        (f"r{number}-{place}", json.dumps(one | {"at": f"2025-01-{number + 1:02d}"}), f"/people/{number}.csv#{place}")
        for place, one in enumerate(PEOPLE)
    ]
    given = lake.spark.createDataFrame(rows, "record_id string, payload string, source_ref string")
    others = ("CAST(NULL AS STRING) AS read_error", "'shop' AS source", "current_date() AS ingest_date")
    bronze = given.selectExpr("*", *others)
    return conform(bronze, source.feeds["people"].into["customers"], TABLE, source.feeds["people"])


@pytest.fixture(scope="module")
def ready(lake: Lake) -> Lake:
    lake.ensure(TABLE, CUSTOMER.history, QUARANTINE, BATCHES, UNMAPPED_FIELDS, bronze_table("people"))
    return lake


def rows_of(lake: Lake, number: int) -> tuple[list[str], list[str], int]:
    """What a batch left: accepted and quarantined records, and rows in ops.batches."""
    accepted = lake.table(TABLE).where(f"record_id LIKE 'r{number}-%'").select("record_id").collect()
    quarantined = lake.table(QUARANTINE).where(f"batch_id = {number}").select("record_id").collect()
    counted = lake.table(BATCHES).where(f"batch_id = {number}").count()
    return sorted(row[0] for row in accepted), sorted(row[0] for row in quarantined), counted


STEPS = ("rebuild_history", "conflicts", "_quarantine", "record_unmapped_fields", "record_batch")


@pytest.mark.parametrize("step", STEPS)
def test_a_batch_that_was_killed_is_done_once(ready: Lake, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    number = STEPS.index(step)
    batch = BatchId("shop", "people", TABLE.name, "query", number)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(accepting, step, killed)
        with pytest.raises(KeyboardInterrupt):
            accept(ready, batch_of(ready, number, a_source()), FLOW, batch)
    counts = accept(ready, batch_of(ready, number, a_source()), FLOW, batch)
    again = accept(ready, batch_of(ready, number, a_source()), FLOW, batch)

    assert counts == again == EXPECTED
    assert rows_of(ready, number) == ([f"r{number}-0", f"r{number}-2"], [f"r{number}-3"], 1)
    assert ready.table(CUSTOMER.history).where("is_current").count() == 2
    assert not list(Path(ready.settings.checkpoint("staged")).glob("*"))


def test_a_batch_that_ends_with_another_map_than_it_began_with_is_an_error(
    ready: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = BatchId("shop", "people", TABLE.name, "query", 20)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(accepting, "record_batch", killed)
        with pytest.raises(KeyboardInterrupt):
            accept(ready, batch_of(ready, 20, a_source()), FLOW, batch)

    with pytest.raises(LakehouseError, match="of 4 records of batch 20, 1 are accounted for"):
        accept(ready, batch_of(ready, 20, a_source("concat(name, ' Junior')")), FLOW, batch)
