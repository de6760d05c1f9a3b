"""What becomes of conformed records: accepted once, counted as duplicates, quarantined, or not selected.

Each step can be repeated: a batch that was half done when it was killed ends as if it had been done once.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.silver import CUSTOMER, QUARANTINE, REFERENCES, TRANSACTIONS
from common.contracts.table import Table
from common.errors import LakehouseError
from common.platform import this_platform
from common.silver.conform import BRONZE
from common.silver.contradictions import contradictions
from common.silver.history import rebuild_history
from common.silver.reread import check_reread
from common.silver.verdicts import counted, is_fine
from common.sources.source_ref import ordinal_of, path_of
from common.storage.batches import BatchId, Counts, record_batch
from common.storage.lake import Lake, Once
from common.storage.streams import BatchStep
from common.storage.unmapped import record_unmapped_fields


@dataclass(frozen=True)
class Flow:
    """From one feed's bronze table into one silver table."""

    source: str
    feed: str
    target: Table
    checkpoint: str
    has_customers: bool = False


def acceptance(flow: Flow) -> BatchStep:
    """What a micro-batch of the flow's conformed records goes through."""

    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        accept(lake, batch, flow, BatchId(flow.source, flow.feed, flow.target.name, once.writer, once.version))

    return step


def accept(lake: Lake, conformed: DataFrame, flow: Flow, batch: BatchId) -> Counts:
    """Puts a batch of conformed records where they belong and records the counts."""
    with lake.staged(conformed, flow.target.name) as staged:
        check_reread(lake, staged, flow.target, batch)
        insert_accepted(lake, staged, flow, batch)
        refused = staged.where(F.col("selected") & (F.size("failed_checks") > 0))
        _quarantine(lake, refused, batch, "refused")
        found = counted(lake, staged, flow.target)
        if found.counts.duplicates:
            contradicting = contradictions(lake, staged, flow.target, flow.feed)
            if _quarantine(lake, contradicting, batch, "conflicts"):
                found = counted(lake, staged, flow.target)
        if found.unmapped_fields:
            record_unmapped_fields(lake, batch, found.unmapped_fields, found.any_record_id)
    _check_sum(batch, found.counts)
    record_batch(lake, batch, found.counts)
    return found.counts


def _check_sum(batch: BatchId, counts: Counts) -> None:
    told = counts.accepted + counts.duplicates + counts.quarantined + counts.not_selected
    if told != counts.records_read:
        raise LakehouseError(
            f"{batch.target}: of {counts.records_read:,} records of batch {batch.batch_id}, {told:,} are accounted "
            "for. It was begun with another map or check than it is ended with: reset the streams that write "
            f"{batch.target} ({this_platform().list_streams}) and run the job again; what is there is not added twice"
        )


def insert_accepted(lake: Lake, staged: DataFrame, flow: Flow, batch: BatchId) -> None:
    """Adds the records that no check refuses, each key once, and derives the history that they change."""
    table = flow.target
    place = path_of(_ref()), ordinal_of(_ref())
    order = Window.partitionBy(*table.lookup_key).orderBy(*place, f"{BRONZE}.record_id")
    first = staged.where(is_fine()).withColumn("_position", F.row_number().over(order)).where("_position = 1")
    rows = first.withColumns({"record_id": F.col(f"{BRONZE}.record_id"), "accepted_at": F.current_timestamp()})
    if table.name == TRANSACTIONS.name:
        rows = _flag_unknown_customers(lake, rows, flow.has_customers)
    lake.insert_new(rows, table, Once(batch.query_id, batch.batch_id), scope_of=staged.where(is_fine()))
    for reference in REFERENCES.values():
        if reference.changes.name == table.name:
            rebuild_history(lake, reference, staged.where(is_fine()).select(reference.key).distinct())


def _ref() -> Column:
    return F.col(f"{BRONZE}.source_ref")


def _flag_unknown_customers(lake: Lake, rows: DataFrame, has_customers: bool) -> DataFrame:
    if not has_customers:
        return rows.withColumn("is_known_customer", F.lit(None).cast("boolean"))
    known = lake.table(CUSTOMER.history).select("customer_id").distinct().withColumn("is_known_customer", F.lit(True))
    joined = rows.drop("is_known_customer").join(known, "customer_id", "left")
    return joined.withColumn("is_known_customer", F.coalesce("is_known_customer", F.lit(False)))


def _quarantine(lake: Lake, refused: DataFrame, batch: BatchId, why: str) -> bool:
    """Adds refused records; whether there were any."""
    if refused.isEmpty():
        return False
    lake.insert_new(
        refused.select(
            F.lit(batch.target).alias("target"),
            F.lit(batch.feed).alias("feed"),
            *(F.col(f"{BRONZE}.{name}") for name in ("record_id", "source", "source_ref", "payload")),
            "failed_checks",
            F.lit(batch.query_id).alias("query_id"),
            F.lit(batch.batch_id).cast("bigint").alias("batch_id"),
            F.current_timestamp().alias("quarantined_at"),
        ),
        QUARANTINE,
        Once(f"{batch.query_id} {why}", batch.batch_id),
    )
    return True
