"""Bronze: one table a feed, all of one shape. The record as received, and its origin."""

from common.contracts.table import Column, Table

COLUMNS = (
    Column("record_id", "string", "Identifies the record for ever: a digest of source, feed and source_ref."),
    Column("payload", "string", "The record as received, JSON text; the raw text where it is none.", personal=True),
    Column("read_error", "string", "Why the record or its whole file could not be read; null when it could."),
    Column("source", "string", "Name of the source's declaration."),
    Column("source_ref", "string", "Where the record was: path#ordinal, topic/partition#offset or log#position."),
    Column("ingested_at", "timestamp", "When this lakehouse read it, UTC."),
    Column("ingest_date", "date", "Date of ingested_at, UTC."),
    Column(
        "read_as",
        "string",
        "How its file was read: the format, and the feed's options that are no defaults. Null: by a release that did "
        "not note it.",
    ),
)


def bronze_table(feed: str) -> Table:
    """The contract of the bronze table of a feed."""
    return Table(
        name=f"bronze.{feed}",
        comment=f"Records of the feed {feed} as received, append only.",
        grain="one record received",
        key=("record_id",),
        columns=COLUMNS,
        cluster_by=("ingest_date",),
    )
