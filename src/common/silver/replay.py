"""Quarantined records tried again, after the mapping or the check that quarantined them was mended.

Records that are accepted now (or turn out to be duplicates, or aren't selected) leave the quarantine and are named in
ops.replayed_records; the others stay, with the reasons of today. A replay that was killed is finished by the next one:
what left the quarantine is in ops.replayed_records, which is written before anything is removed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ops import BATCHES, REPLAYED_RECORDS
from common.contracts.silver import QUARANTINE, REFERENCES, TARGETS
from common.contracts.table import Table
from common.errors import CheckpointError
from common.silver.accept import Flow, insert_accepted
from common.silver.conform import BRONZE, conform
from common.silver.contradictions import beside_existing, conflicts
from common.silver.refine import flows_of
from common.silver.review import quarantine_target
from common.silver.staged import Staged, staged_batch
from common.silver.traces import finish_replays
from common.sources.declaration import Source
from common.storage.batches import BatchId
from common.storage.checkpoints import is_broken_off
from common.storage.erasure import open_plans
from common.storage.lake import Lake
from common.storage.quarantine import quarantined
from common.storage.source_claim import check_source


@dataclass(frozen=True)
class Replayed:
    """What a replay of the quarantined records of one flow into a table came to."""

    target: str
    records: int
    accepted: int
    duplicates: int
    not_selected: int

    @property
    def still_quarantined(self) -> int:
        """The records that stay in the quarantine."""
        return self.records - self.accepted - self.duplicates - self.not_selected


def replay_quarantine(lake: Lake, source: Source, table: str = "") -> list[Replayed]:
    """Tries the quarantined records of one table again, or of all where none is named.

    Raises:
        ParameterError: no table of that name quarantines records.
        CheckpointError: an erasure, or a batch of the table's stream, was broken off and has to be ended first.
        SourceError: the workspace has data of another source.
    """
    check_source(lake, source.name)
    if open_plans(lake.settings):
        raise CheckpointError(
            "an erasure was broken off half-way, and what it removes is counted already. End it first: "
            f"{lake.settings.platform.run_job.format(job='maintenance')}, then replay"
        )
    target = quarantine_target(table)
    wanted = [name for name, table_ in TARGETS.items() if target in (None, table_.name)]
    return [_replay(lake, source, name, flow) for name in wanted for flow in flows_of(lake, source, name)]


def _replay(lake: Lake, source: Source, name: str, flow: Flow) -> Replayed:
    target = flow.target
    if is_broken_off(flow.checkpoint):
        raise CheckpointError(
            f"{target.name}: its stream was broken off in the middle of a batch, whose records would be counted twice. "
            f"First {lake.settings.platform.run_job.format(job='lakehouse')}, the main one, then replay"
        )
    lake.ensure(target, QUARANTINE, BATCHES, REPLAYED_RECORDS, *_history(name))
    finish_replays(lake, source.name, flow.feed, target)
    rows = quarantined(lake, target.name).where(F.col("feed") == flow.feed)
    records = rows.count()
    if not records:
        return Replayed(target.name, 0, 0, 0, 0)
    batch = BatchId(source.name, flow.feed, target.name, _new_id(), 0, "replay")
    declared = source.feeds[flow.feed]
    conformed = conform(_as_received(rows), declared.into[name], target, declared)
    with staged_batch(lake, conformed, target) as staged:
        insert_accepted(lake, staged, flow, batch)
        with conflicts(lake, staged, target) as found:
            _keep_traces(lake, _leaving(lake, staged, found.rows, target), batch)
            _update_reasons(lake, staged.rows.where("size(failed_checks) > 0").unionByName(found.rows), target)
    left = finish_replays(lake, source.name, flow.feed, target)
    return Replayed(target.name, records, left.accepted, left.duplicates, left.not_selected)


def _history(name: str) -> list[Table]:
    return [REFERENCES[name].history] if name in REFERENCES else []


def _new_id() -> str:
    return f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


def _as_received(rows: DataFrame) -> DataFrame:
    """Quarantined records in the shape of bronze. What made one unreadable is among its reasons."""
    unreadable = F.filter("failed_checks", lambda failed: failed["name"] == "readable")
    return rows.select(
        "record_id",
        "payload",
        F.try_element_at(unreadable, F.lit(1))["reason"].alias("read_error"),
        "source",
        "source_ref",
        F.lit(None).cast("date").alias("ingest_date"),
    )


def _leaving(lake: Lake, staged: Staged, conflicting: DataFrame, target: Table) -> DataFrame:
    """record_id and outcome of the records that need no longer be quarantined."""
    record = F.col(f"{BRONZE}.record_id").alias("record_id")
    existing = F.col("existing_record_id")
    fine = beside_existing(lake, staged.fine_rows, staged.scope, target).where(existing.isNotNull())
    outcome = F.when(existing == F.col(f"{BRONZE}.record_id"), "accepted").otherwise("duplicate")
    left_out = staged.rows.where("NOT selected").select(record, F.lit("not_selected").alias("outcome"))
    judged = fine.select(record, outcome.alias("outcome")).unionByName(left_out)
    return judged.join(conflicting.select("bronze.record_id"), "record_id", "left_anti")


def _keep_traces(lake: Lake, leaving: DataFrame, batch: BatchId) -> None:
    traces = (
        quarantined(lake, batch.target)
        .join(leaving, "record_id")
        .select(
            "target",
            "record_id",
            "feed",
            "source",
            "source_ref",
            F.transform("failed_checks", lambda failed: failed["name"]).alias("failed_checks"),
            "outcome",
            F.lit(batch.query_id).alias("replay_id"),
            "quarantined_at",
            F.current_timestamp().alias("replayed_at"),
        )
    )
    lake.append(traces, REPLAYED_RECORDS)


def _update_reasons(lake: Lake, staying: DataFrame, target: Table) -> None:
    reasons = staying.select(F.col("bronze.record_id").alias("record_id"), F.col("failed_checks").alias("_today"))
    changed = (
        quarantined(lake, target.name)
        .join(reasons, "record_id")
        .where(~F.col("failed_checks").eqNullSafe(F.col("_today")))
    )
    updated = changed.withColumn("failed_checks", F.col("_today")).withColumn("operation", F.lit("upsert"))
    lake.apply_changes(updated, QUARANTINE)
