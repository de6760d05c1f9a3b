"""ops.unmapped_fields: what records bring that no map of their feed uses."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ops import UNMAPPED_FIELDS
from common.storage.batches import BatchId
from common.storage.field_names import usual_name
from common.storage.lake import Lake

FIELDS_KEPT = 1000
"""How many names of one batch are kept: records with random names must not fill the table."""


def record_unmapped_fields(lake: Lake, batch: BatchId, records: DataFrame) -> None:
    """Adds the fields (at most FIELDS_KEPT of them) that this feed had not brought before.

    What doesn't look like a name is not kept: of a file without a header, it would be the first person's data.

    Args:
        lake: where the table is.
        batch: the batch that brings them.
        records: record_id and unmapped_fields (array<string>, null where there are none).

    """
    # Most records of a feed have the same fields: those are looked at once.
    alike = records.where("unmapped_fields IS NOT NULL").groupBy("unmapped_fields").agg(F.min("record_id").alias("id"))
    names = F.explode(F.array_distinct(F.transform("unmapped_fields", usual_name))).alias("field")
    fields = alike.select(names, "id").groupBy("field").agg(F.min("id").alias("record_id"))
    kept = fields.orderBy("field").limit(FIELDS_KEPT)
    constants = {"feed": F.lit(batch.feed), "source": F.lit(batch.source), "first_seen_at": F.current_timestamp()}
    lake.insert_new(kept.withColumns(constants), UNMAPPED_FIELDS)


def unmapped_fields(lake: Lake, feed: str) -> tuple[str, ...]:
    """The fields that the feed has brought so far and that no map uses, by name."""
    if not lake.exists(UNMAPPED_FIELDS):
        return ()
    rows = lake.table(UNMAPPED_FIELDS).where(F.col("feed") == feed).select("field").orderBy("field").collect()
    return tuple(row["field"] for row in rows)
