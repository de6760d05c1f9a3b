"""ops.batches: what became of every record, batch by batch, and the sums that must agree with the tables."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES
from common.contracts.silver import QUARANTINE
from common.contracts.table import Table
from common.storage.lake import Lake


@dataclass(frozen=True)
class BatchId:
    """One micro-batch of one query, from a feed to a target."""

    source: str
    feed: str
    target: str
    query_id: str
    batch_id: int


@dataclass(frozen=True)
class Counts:
    """What became of a batch's records."""

    records_read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    not_selected: int = 0


def record_batch(lake: Lake, batch: BatchId, counts: Counts) -> None:
    """Writes the batch's row, once however often the batch is processed."""
    keys = [F.col(name) == F.lit(getattr(batch, name)) for name in BATCHES.key]
    if not lake.table(BATCHES).where(reduce(Column.__and__, keys)).isEmpty():
        return
    # A query has one writer, so nobody adds the row in between; an append never conflicts with other queries'.
    values = {**vars(batch), **vars(counts), "run_id": lake.settings.run_id}
    columns = {name: F.lit(value) for name, value in values.items()} | {"committed_at": F.current_timestamp()}
    typed = [columns[column.name].cast(column.type).alias(column.name) for column in BATCHES.columns]
    lake.append(lake.spark.range(1).select(*typed), BATCHES)


def counts_of(lake: Lake, target: Table) -> Counts:
    """The sums of all batches of a target so far."""
    names = list(Counts.__dataclass_fields__)
    sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in names]
    row = lake.table(BATCHES).where(F.col("target") == target.name).agg(*sums).first()
    return Counts(*row) if row else Counts()


def recent_batches(lake: Lake, target: Table, limit: int = 10) -> DataFrame:
    """The newest batches of a target, newest first."""
    batches = lake.table(BATCHES).where(F.col("target") == target.name)
    return (
        batches.select("feed", "batch_id", *Counts.__dataclass_fields__, "committed_at")
        .orderBy(F.desc("committed_at"))
        .limit(limit)
    )


def accounted(lake: Lake) -> DataFrame:
    """For every feed and target, the sums of its batches beside what the tables hold.

    Returns:
        feed, target, records_read, accepted, duplicates, quarantined, not_selected, in_bronze, in_target,
        in_quarantine (bigint) and `holds` (boolean).
    """
    batches = lake.table(BATCHES)
    # A query whose checkpoint was removed reads everything again, under a new id: only the newest one's tale counts.
    newest = batches.groupBy("feed", "target").agg(F.max_by("query_id", "committed_at").alias("query_id"))
    sums = (
        batches.join(newest, ["feed", "target", "query_id"], "left_semi")
        .groupBy("feed", "target")
        .agg(*(F.sum(name).alias(name) for name in Counts.__dataclass_fields__))
    )
    flows = [(row["feed"], row["target"]) for row in sums.select("feed", "target").collect()]
    held = [_held(lake, feed, target) for feed, target in flows]
    tables = lake.spark.createDataFrame(
        held, "feed string, target string, in_bronze bigint, in_target bigint, in_quarantine bigint"
    )
    told = F.col("accepted") + F.col("duplicates") + F.col("quarantined") + F.col("not_selected")
    holds = (
        (F.col("records_read") == told)
        & (F.col("records_read") == F.col("in_bronze"))
        & (F.col("accepted") == F.col("in_target"))
        & (F.col("quarantined") == F.col("in_quarantine"))
    )
    return sums.join(tables, ["feed", "target"]).withColumn("holds", holds).orderBy("feed", "target")


def _held(lake: Lake, feed: str, target: str) -> tuple[str, str, int, int, int]:
    refused = lake.table(QUARANTINE).where((F.col("target") == target) & (F.col("feed") == feed))
    return feed, target, lake.table(bronze_table(feed)).count(), lake.table(target).count(), refused.count()
