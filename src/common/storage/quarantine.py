"""silver.quarantine: what failed a check, and why."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import QUARANTINE
from common.storage.batches import BatchId
from common.storage.lake import Lake


def quarantined(lake: Lake, target: str | None = None) -> DataFrame:
    """The quarantined records of a target, or of all."""
    rows = lake.table(QUARANTINE)
    return rows.where(F.col("target") == target) if target else rows


def quarantined_by(lake: Lake, batch: BatchId) -> int:
    """How many records of a batch are in the quarantine."""
    of_query = (F.col("query_id") == batch.query_id) & (F.col("batch_id") == batch.batch_id)
    return quarantined(lake, batch.target).where(of_query & (F.col("feed") == batch.feed)).count()


def quarantined_by_check(lake: Lake, target: str | None = None) -> DataFrame:
    """Quarantined records by target and failed check, most frequent first, each with an example.

    A record that fails several checks counts for each of them.

    Returns:
        target, check_name, records, example (the reason of one of them), source_ref (where that one is).
    """
    failures = quarantined(lake, target).select("target", "source_ref", F.explode("failed_checks").alias("failed"))
    return (
        failures.groupBy("target", F.col("failed.name").alias("check_name"))
        .agg(
            F.count("*").alias("records"),
            F.min_by("failed.reason", "source_ref").alias("example"),
            F.min("source_ref").alias("source_ref"),
        )
        .orderBy(F.desc("records"), "target", "check_name")
    )


def forget_quarantined(lake: Lake, feed: str, target: str) -> None:
    """Removes the quarantined records of a feed and target: a stream that starts again adds them again.

    What bronze has no more goes, too, as nothing would count it: bronze may have been made again, by another reading.
    """
    again = quarantined(lake, target).where(F.col("feed") == feed)
    lake.apply_changes(again.withColumn("operation", F.lit("delete")), QUARANTINE)
