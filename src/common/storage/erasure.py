"""Erasures: what is to go is written down first, then removed, then counted, so that a kill leaves no half of it.

A plan is a folder below `checkpoints/erasures` with the ids of the records, the ids by which other tables know the
person, and the counts. It is complete when its `plan.json` is there; the folder goes when all is done.
"""

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.settings import UNCOMMITTED_HOURS, Settings
from common.storage.batches import BatchId, Counts, record_batch
from common.storage.conflicts import retried
from common.storage.files import write_whole
from common.storage.lake import Lake
from common.storage.lineage import note

RECORDS = "feed string, record_id string"
IDS = "kind string, value string"


@dataclass(frozen=True)
class FlowCounts:
    """What the records of an erasure were in one target."""

    feed: str
    target: str
    counts: Counts


@dataclass(frozen=True)
class Plan:
    """What is to be erased: a person (`customer_id`), or records that no person can be found in (empty)."""

    erasure_id: str
    source: str
    customer_id: str
    flows: tuple[FlowCounts, ...]
    files: tuple[tuple[str, int], ...]
    """The sender's files that hold the records, with how many of them."""

    def folder(self, settings: Settings) -> Path:
        """Where the plan is kept."""
        return _folder(settings, self.erasure_id)

    def records(self, lake: Lake) -> DataFrame:
        """Feed and record_id of every record to erase."""
        return _kept(lake, self.erasure_id, "records", RECORDS)

    def ids(self, lake: Lake, kind: str) -> DataFrame:
        """The ids of a kind, as one column of that name."""
        return _kept(lake, self.erasure_id, "ids", IDS).where(F.col("kind") == kind).select(F.col("value").alias(kind))


def new_erasure_id() -> str:
    """An id that shows when, and not whom."""
    return f"erasure-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


def keep(lake: Lake, erasure_id: str, name: str, rows: DataFrame) -> DataFrame:
    """Writes a part of a plan (`records` or `ids`) and returns it as it was written."""
    folder = _folder(lake.settings, erasure_id) / name
    rows.write.mode("overwrite").parquet(str(folder))
    return lake.spark.read.schema(rows.schema).parquet(str(folder))


def close_plan(lake: Lake, plan: Plan) -> None:
    """Writes what makes a plan complete. From then on, it will be carried out."""
    write_whole(plan.folder(lake.settings) / "plan.json", json.dumps(asdict(plan), indent=2))


def open_plans(settings: Settings) -> list[Plan]:
    """The complete plans that a killed run left, oldest first; those that were never complete are removed."""
    plans = []
    for folder in sorted(_folder(settings, "").glob("erasure-*")):
        file = folder / "plan.json"
        if file.is_file():
            plans.append(_plan(json.loads(file.read_text(encoding="utf-8"))))
        elif time.time() - folder.stat().st_mtime > UNCOMMITTED_HOURS * 3600:
            shutil.rmtree(folder, ignore_errors=True)
    return plans


def drop_plan(settings: Settings, erasure_id: str) -> None:
    """Removes a plan that is done, or that has nothing to do."""
    folder = _folder(settings, erasure_id)
    # First the file that makes it a plan: a kill half-way must not leave a plan that can't be carried out.
    (folder / "plan.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def erase(lake: Lake, table: Table, rows: DataFrame) -> int:
    """Deletes the rows of a table that have the same values in the columns of `rows`; how many they were.

    A DELETE would write the values into the table's log, and Delta takes no subquery there; a MERGE names columns.
    Without such rows nothing is written. `rows` must not be read from the table itself.
    """
    same = [F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}")) for name in rows.columns]
    if lake.table(table).alias("t").join(rows.alias("s"), same, "left_semi").isEmpty():
        return 0
    note(lake.settings, "write", table.name)
    view = f"erased_{uuid4().hex}"
    rows.createOrReplaceTempView(view)
    condition = " AND ".join(f"t.{name} <=> s.{name}" for name in rows.columns)
    statement = f"MERGE INTO {lake.full_name(table)} AS t USING {view} AS s ON {condition} WHEN MATCHED THEN DELETE"
    try:
        done = retried(lambda: lake.spark.sql(statement).first())
    finally:
        lake.spark.catalog.dropTempView(view)
    return int(done["num_deleted_rows"]) if done else 0


def count(lake: Lake, plan: Plan) -> None:
    """Writes the erasure's rows of ops.batches, each once however often it is called."""
    for flow in plan.flows:
        batch = BatchId(plan.source, flow.feed, flow.target, plan.erasure_id, 0, "erasure")
        record_batch(lake, batch, flow.counts)


def _folder(settings: Settings, erasure_id: str) -> Path:
    return Path(settings.checkpoint("erasures", erasure_id))


def _kept(lake: Lake, erasure_id: str, name: str, schema: str) -> DataFrame:
    return lake.spark.read.schema(schema).parquet(str(_folder(lake.settings, erasure_id) / name))


def _plan(content: dict[str, object]) -> Plan:
    flows: Iterable[dict[str, object]] = content["flows"]  # type: ignore[assignment]
    files: Iterable[list[object]] = content["files"]  # type: ignore[assignment]
    return Plan(
        erasure_id=str(content["erasure_id"]),
        source=str(content["source"]),
        customer_id=str(content["customer_id"]),
        flows=tuple(
            FlowCounts(str(flow["feed"]), str(flow["target"]), Counts(**flow["counts"]))  # type: ignore[arg-type]
            for flow in flows
        ),
        files=tuple((str(path), int(str(records))) for path, records in files),
    )
