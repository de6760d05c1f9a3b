"""Records of a feed in the shape of bronze."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.sources.feed import Feed, FeedAt


def bronze_rows(records: DataFrame, at: FeedAt, feed: Feed) -> DataFrame:
    """Records (source_ref, payload, read_error), batch or stream, in the columns of `contracts.bronze`."""
    return records.select(
        F.md5(F.concat_ws("|", F.lit(at.source), F.lit(at.name), "source_ref")).alias("record_id"),
        "payload",
        "read_error",
        F.lit(at.source).alias("source"),
        "source_ref",
        F.current_timestamp().alias("ingested_at"),
        F.current_date().alias("ingest_date"),
        F.lit(feed.reading).alias("read_as"),
    )
