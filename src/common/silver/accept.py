"""What becomes of conformed records: accepted once, counted as duplicates, quarantined, or not selected.

Each step can be repeated: a batch that was half done when it was killed ends as if it had been done once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.silver import CUSTOMER, QUARANTINE, REFERENCES, TRANSACTIONS
from common.contracts.table import Table
from common.settings import Settings
from common.silver.conform import BRONZE
from common.silver.history import rebuild_history
from common.storage.batches import BatchId, Counts, record_batch
from common.storage.lake import Lake
from common.storage.streams import query_id


@dataclass(frozen=True)
class Flow:
    """From one feed's bronze table into one silver table."""

    source: str
    feed: str
    target: Table
    checkpoint: str
    has_customers: bool = False


def batch_processor(settings: Settings, flow: Flow) -> Callable[[DataFrame, int], None]:
    """The function that a stream of conformed records hands its micro-batches to."""

    def process(batch: DataFrame, batch_id: int) -> None:
        lake = Lake(batch.sparkSession, settings)
        query = query_id(lake.spark, flow.checkpoint)
        accept(lake, batch, flow, BatchId(flow.source, flow.feed, flow.target.name, query, batch_id))

    return process


def accept(lake: Lake, conformed: DataFrame, flow: Flow, batch: BatchId) -> Counts:
    """Puts a batch of conformed records where they belong and records the counts."""
    staged = lake.stage(conformed, flow.target.name.replace(".", "_"))
    _insert_accepted(lake, staged, flow)
    _quarantine(lake, staged, batch)
    counts = _counted(lake, staged, flow.target)
    record_batch(lake, batch, counts)
    return counts


def _fine() -> Column:
    return F.col("selected") & (F.size("failed_checks") == 0)


def _insert_accepted(lake: Lake, staged: DataFrame, flow: Flow) -> None:
    table = flow.target
    where, position = F.split_part(_ref(), F.lit("#"), F.lit(1)), F.split_part(_ref(), F.lit("#"), F.lit(-1))
    order = Window.partitionBy(*table.key).orderBy(where, position.try_cast("bigint"), f"{BRONZE}.record_id")
    first = staged.where(_fine()).withColumn("_position", F.row_number().over(order)).where("_position = 1")
    rows = first.withColumns({"record_id": F.col(f"{BRONZE}.record_id"), "accepted_at": F.current_timestamp()})
    if table.name == TRANSACTIONS.name:
        rows = _flag_unknown_customers(lake, rows, flow.has_customers)
    lake.insert_new(rows, table)
    for reference in REFERENCES.values():
        if reference.changes.name == table.name:
            rebuild_history(lake, reference, staged.where(_fine()).select(reference.key).distinct())


def _ref() -> Column:
    return F.col(f"{BRONZE}.source_ref")


def _flag_unknown_customers(lake: Lake, rows: DataFrame, has_customers: bool) -> DataFrame:
    if not has_customers:
        return rows.withColumn("is_known_customer", F.lit(None).cast("boolean"))
    known = lake.table(CUSTOMER.history).select("customer_id").distinct().withColumn("is_known_customer", F.lit(True))
    joined = rows.drop("is_known_customer").join(known, "customer_id", "left")
    return joined.withColumn("is_known_customer", F.coalesce("is_known_customer", F.lit(False)))


def _quarantine(lake: Lake, staged: DataFrame, batch: BatchId) -> None:
    refused = staged.where(F.col("selected") & (F.size("failed_checks") > 0))
    if refused.isEmpty():
        return
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
    )


def _counted(lake: Lake, staged: DataFrame, table: Table) -> Counts:
    """Counts from the tables, not from what was meant to be written: a lost record would show as a difference."""
    record = F.col(f"{BRONZE}.record_id")
    verdicts = staged.select(record.alias("record_id"), "selected", _fine().alias("fine"), *table.key)
    held = lake.table(table).select(
        F.col("record_id").alias("_holder"), *(F.col(k).alias(f"_t_{k}") for k in table.key)
    )
    same_key = [F.col("fine"), *(F.col(key).eqNullSafe(F.col(f"_t_{key}")) for key in table.key)]
    refused = (
        lake.table(QUARANTINE).where(F.col("target") == table.name).select("record_id", F.lit(True).alias("_refused"))
    )
    row = (
        verdicts.join(held, same_key, "left")
        .join(refused, "record_id", "left")
        .agg(
            F.count("*"),
            F.count_if(F.col("_holder") == F.col("record_id")),
            F.count_if(F.col("_holder") != F.col("record_id")),
            F.count_if(F.col("_refused")),
            F.count_if(~F.col("selected")),
        )
        .first()
    )
    return Counts(*row) if row else Counts()
