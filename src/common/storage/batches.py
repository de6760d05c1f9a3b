"""ops.batches: what became of every record, batch by batch, and the sums that must agree with the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ops import BATCHES
from common.contracts.table import Table
from common.storage.lake import Lake, Once
from common.storage.recent import utc


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
    feed: str
    first_committed_at: datetime
    counts: Counts


def counts_by_query(lake: Lake, target: Table) -> list[QueryCounts]:
    """The sums of the batches of each streaming query that has written the target."""
    batches = lake.table(BATCHES).where((F.col("target") == target.name) & (F.col("kind") == "stream"))
    sums = [F.sum(name).alias(name) for name in Counts.__dataclass_fields__]
    # As microseconds: a time would come in the time zone of the machine.
    first = F.unix_micros(F.min("committed_at"))
    rows = batches.groupBy("query_id", "feed").agg(first, *sums).collect()
    return [QueryCounts(row[0], row[1], utc(row[2]), Counts(*row[3:])) for row in rows]


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
