"""ops.batches: what became of every record, batch by batch, and the sums that must agree with the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCH_KINDS, BATCHES
from common.contracts.silver import QUARANTINE
from common.contracts.table import Table
from common.storage.lake import Lake, Once


@dataclass(frozen=True)
class BatchId:
    """One micro-batch of one query, from a feed to a target."""

    source: str
    feed: str
    target: str
    query_id: str
    batch_id: int
    kind: str = "stream"


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
    values = {**vars(batch), **vars(counts), "run_id": lake.settings.run_id}
    columns = {name: F.lit(value) for name, value in values.items()} | {"committed_at": F.current_timestamp()}
    typed = [columns[column.name].cast(column.type).alias(column.name) for column in BATCHES.columns]
    once = Once(f"{batch.query_id} {batch.feed} {batch.target}", batch.batch_id)
    lake.append(lake.spark.range(1).select(*typed), BATCHES, once)


@dataclass(frozen=True)
class QueryCounts:
    """The sums of a streaming query's batches, and when the first of them was done, UTC."""

    query_id: str
    first_committed_at: datetime
    counts: Counts


def counts_by_query(lake: Lake, target: Table) -> list[QueryCounts]:
    """The sums of the batches of each streaming query that has written the target."""
    batches = lake.table(BATCHES).where((F.col("target") == target.name) & (F.col("kind") == "stream"))
    sums = [F.sum(name).alias(name) for name in Counts.__dataclass_fields__]
    rows = batches.groupBy("query_id").agg(F.min("committed_at"), *sums).collect()
    return [QueryCounts(row[0], row[1], Counts(*row[2:])) for row in rows]


def counts_of(lake: Lake, target: Table) -> Counts:
    """The sums of all batches of a target's streams so far."""
    return total(query.counts for query in counts_by_query(lake, target))


def total(parts: Iterable[Counts]) -> Counts:
    """The sums of counts."""
    rows = list(parts)
    return Counts(**{name: sum(getattr(row, name) for row in rows) for name in Counts.__dataclass_fields__})


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

    A query whose checkpoint was removed reads everything again, under a new id: only the newest one's tale counts,
    with the replays and erasures that came after it began.

    Returns:
        feed, target, records_read, accepted, duplicates, quarantined, not_selected (of the stream), replayed,
        replayed_accepted, erased, erased_accepted, erased_quarantined, in_bronze, in_target, in_quarantine (bigint)
        and `holds` (boolean).
    """
    batches = lake.table(BATCHES)
    flow = ("feed", "target")
    streams = batches.where("kind = 'stream'")
    newest = streams.groupBy(*flow).agg(F.max_by("query_id", "committed_at").alias("query_id"))
    told = streams.join(newest, [*flow, "query_id"], "left_semi")
    begun = told.groupBy(*flow).agg(F.min("committed_at").alias("begun"))
    later = batches.where("kind <> 'stream'").join(begun, list(flow)).where("committed_at >= begun").drop("begun")
    of = {kind: F.col("kind") == kind for kind in BATCH_KINDS}
    sums = (
        told.unionByName(later)
        .groupBy(*flow)
        .agg(
            *(_sum(of["stream"], name, name) for name in Counts.__dataclass_fields__),
            _sum(of["replay"], "records_read", "replayed"),
            _sum(of["replay"], "accepted", "replayed_accepted"),
            _sum(of["erasure"], "records_read", "erased"),
            _sum(of["erasure"], "accepted", "erased_accepted"),
            _sum(of["erasure"], "quarantined", "erased_quarantined"),
        )
    )
    counted = sums.collect()
    # What follows reads no table again.
    sums = lake.spark.createDataFrame(counted, sums.schema)
    flows = [(row["feed"], row["target"]) for row in counted]
    tables = lake.spark.createDataFrame(
        _held(lake, flows), "feed string, target string, in_bronze bigint, in_target bigint, in_quarantine bigint"
    )
    holds = (
        F.expr("records_read = accepted + duplicates + quarantined + not_selected")
        & F.expr("in_bronze = records_read - erased")
        & F.expr("in_target = accepted + replayed_accepted - erased_accepted")
        & F.expr("in_quarantine = quarantined - replayed - erased_quarantined")
    )
    return sums.join(tables, list(flow)).withColumn("holds", holds).orderBy(*flow)


def _sum(of_kind: Column, name: str, total: str) -> Column:
    return F.coalesce(F.sum(F.when(of_kind, F.col(name))), F.lit(0)).alias(total)


def _held(lake: Lake, flows: list[tuple[str, str]]) -> list[tuple[str, str, int, int, int]]:
    refused = lake.table(QUARANTINE).groupBy("feed", "target").count().collect()
    in_quarantine = {(row["feed"], row["target"]): row["count"] for row in refused}
    return [
        (
            feed,
            target,
            lake.table(bronze_table(feed)).count(),
            lake.table(target).count(),
            in_quarantine.get((feed, target), 0),
        )
        for feed, target in flows
    ]
