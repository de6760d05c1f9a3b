"""Traces of replays: ops.replayed_records names what left the quarantine, before it is removed and counted."""

from pyspark.sql import functions as F

from common.contracts.ops import BATCHES, REPLAYED_RECORDS
from common.contracts.silver import QUARANTINE
from common.contracts.table import Table
from common.storage.batches import BatchId, Counts, record_batch
from common.storage.lake import Lake
from common.storage.quarantine import quarantined


def finish_replays(lake: Lake, source: str, feed: str, target: Table) -> Counts:
    """Removes from the quarantine the records whose traces say that they left it, and counts replays not yet counted.

    Returns:
        What the newest of them counted; nothing where all were counted before.
    """
    flow = (F.col("target") == target.name) & (F.col("feed") == feed)
    traces = lake.table(REPLAYED_RECORDS).where(flow)
    counted = lake.table(BATCHES).where(flow & (F.col("kind") == "replay"))
    open_ = traces.join(counted.select(F.col("query_id").alias("replay_id")), "replay_id", "left_anti")
    outcomes = (
        open_.groupBy("replay_id")
        .agg(
            F.count("*").alias("records"),
            *(F.count_if(F.col("outcome") == name).alias(name) for name in ("accepted", "duplicate", "not_selected")),
        )
        .orderBy("replay_id")
        .collect()
    )
    counts = Counts()
    for row in outcomes:
        gone = open_.where(F.col("replay_id") == row["replay_id"]).select("record_id")
        leaving = quarantined(lake, target.name).join(gone, "record_id", "left_semi")
        lake.apply_changes(leaving.withColumn("operation", F.lit("delete")), QUARANTINE)
        counts = Counts(row["records"], row["accepted"], row["duplicate"], 0, row["not_selected"])
        batch = BatchId(source, feed, target.name, row["replay_id"], 0, "replay")
        record_batch(lake, batch, counts)
    return counts
