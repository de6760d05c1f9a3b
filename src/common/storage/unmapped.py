"""ops.unmapped_fields: what records bring that no map of their feed uses."""

from collections.abc import Sequence

from pyspark.sql import functions as F

from common.contracts.ops import UNMAPPED_FIELDS
from common.storage.batches import BatchId
from common.storage.field_names import usual_names
from common.storage.lake import Lake

FIELDS_KEPT = 1000
"""So many names are kept of one batch: records with random names must not fill the table."""


def record_unmapped_fields(lake: Lake, batch: BatchId, fields: Sequence[str], record_id: str | None) -> None:
    """Adds the fields (at most FIELDS_KEPT of them) that this feed had not brought before.

    What doesn't look like a name is not kept: of a file without a header, it would be the first person's data.
    """
    rows = [(batch.feed, field, batch.source, record_id) for field in usual_names(fields)]
    found = lake.spark.createDataFrame(rows, "feed string, field string, source string, record_id string")
    lake.insert_new(found.withColumn("first_seen_at", F.current_timestamp()), UNMAPPED_FIELDS)


def unmapped_fields(lake: Lake, feed: str) -> tuple[str, ...]:
    """The fields that the feed has brought so far and that no map uses, by name."""
    if not lake.exists(UNMAPPED_FIELDS):
        return ()
    rows = lake.table(UNMAPPED_FIELDS).where(F.col("feed") == feed).select("field").orderBy("field").collect()
    return tuple(row["field"] for row in rows)
