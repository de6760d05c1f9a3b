"""Ops: what every step did, and what was checked."""

from common.contracts.table import Column, Table

BATCHES = Table(
    name="ops.batches",
    comment="What became of each batch's records: read = accepted + duplicates + quarantined + not selected.",
    grain="one feed, target and micro-batch",
    key=("target", "feed", "query_id", "batch_id"),
    columns=(
        Column("source", "string", "Name of the source's declaration."),
        Column("feed", "string", "The feed, whose bronze table was read."),
        Column("target", "string", "The table written, such as silver.transactions."),
        Column("query_id", "string", "The streaming query; a new checkpoint makes a new one."),
        Column("batch_id", "bigint", "Micro-batch of that query."),
        Column("records_read", "bigint", "Records of the batch."),
        Column("accepted", "bigint", "Records that are in the target."),
        Column("duplicates", "bigint", "Records whose key an earlier record holds."),
        Column("quarantined", "bigint", "Records refused, in silver.quarantine."),
        Column("not_selected", "bigint", "Records that the feed's `where` leaves out."),
        Column("run_id", "string", "The job run, where there was one."),
        Column("committed_at", "timestamp", "When the batch was done, UTC."),
    ),
)

QUALITY_RESULTS = Table(
    name="ops.quality_results",
    comment="The outcome of every check on whole tables.",
    grain="one check of one table in one run",
    columns=(
        Column("run_id", "string", "The job run, where there was one."),
        Column("checked_at", "timestamp", "When it was checked, UTC."),
        Column("subject", "string", "The table or flow that was checked."),
        Column("check_name", "string", "What was checked."),
        Column("passed", "boolean", "Whether it holds."),
        Column("details", "string", "The numbers."),
    ),
)
