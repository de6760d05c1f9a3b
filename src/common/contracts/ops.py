"""Ops: what every step did, and what was checked."""

from common.contracts.table import Column, Table

BATCH_KINDS = ("stream", "replay", "erasure")

BATCHES = Table(
    name="ops.batches",
    comment="What became of each batch's records: read = accepted + duplicates + quarantined + not selected. The "
    "records of a replay left the quarantine; those of an erasure were removed from bronze and the tables.",
    grain="one feed, target and micro-batch",
    key=("target", "feed", "query_id", "batch_id"),
    columns=(
        Column("source", "string", "Name of the source's declaration."),
        Column("feed", "string", "The feed, whose bronze table was read."),
        Column("target", "string", "The table written, such as silver.transactions."),
        Column("kind", "string", f"What took the records: {', '.join(BATCH_KINDS)}."),
        Column(
            "query_id", "string", "The streaming query; a new checkpoint makes a new one. Or the replay, the erasure."
        ),
        Column("batch_id", "bigint", "Micro-batch of that query; 0 for a replay or an erasure."),
        Column("records_read", "bigint", "Records of the batch."),
        Column("accepted", "bigint", "Records that are in the target."),
        Column("duplicates", "bigint", "Records whose key an earlier record holds."),
        Column("quarantined", "bigint", "Records that went to silver.quarantine."),
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
        Column("severity", "string", "What it means when it doesn't hold: failure (the run ends) or warning."),
        Column("passed", "boolean", "Whether it holds."),
        Column("details", "string", "The numbers."),
    ),
)

UNMAPPED_FIELDS = Table(
    name="ops.unmapped_fields",
    comment="Fields that records bring and no map of their feed uses, since they were first seen.",
    grain="one field of one feed",
    key=("feed", "field"),
    columns=(
        Column("feed", "string", "The feed."),
        Column("field", "string", "Name of the record's field, cut after 200 characters."),
        Column("source", "string", "Name of the source's declaration."),
        Column("record_id", "string", "One of the records of the batch that first had it."),
        Column("first_seen_at", "timestamp", "When it was first seen, UTC."),
    ),
)

REPLAYED_RECORDS = Table(
    name="ops.replayed_records",
    comment="Records that left the quarantine in a replay: what they had failed, and what became of them.",
    grain="one record, target and replay",
    key=("target", "record_id", "replay_id"),
    columns=(
        Column("target", "string", "The table that had quarantined it."),
        Column("record_id", "string", "The bronze record."),
        Column("feed", "string", "The feed that it came by."),
        Column("source", "string", "Name of the source's declaration."),
        Column("source_ref", "string", "Where the record was, as in bronze."),
        Column("failed_checks", "array<string>", "Names of the checks that it had failed."),
        Column("outcome", "string", "accepted, duplicate or not_selected."),
        Column("replay_id", "string", "The replay, as query_id in ops.batches."),
        Column("quarantined_at", "timestamp", "When it had been quarantined, UTC."),
        Column("replayed_at", "timestamp", "When it left the quarantine, UTC."),
    ),
)

DELIVERIES = Table(
    name="ops.deliveries",
    comment="What was sent out of the lakehouse, of which version, and what could not be. An item that is as it should "
    "be adds no row.",
    grain="one item of an output in one run",
    columns=(
        Column("output", "string", "Name of the output's declaration."),
        Column("writer", "string", "What writes it, such as postgres or csv."),
        Column("item", "string", "The part of the output, such as a table or a report."),
        Column("mode", "string", "How it came there, such as changes, or all compared; found: by a killed run."),
        Column("source_table", "string", "The Delta table that was read; null: several."),
        Column("table_id", "string", "That table's id: a table that is made again has another."),
        Column("from_version", "bigint", "Its version that was there before; null: none, or found."),
        Column("version", "bigint", "Its version that is there now."),
        Column("rows_written", "bigint", "Rows that were added or changed there."),
        Column("rows_deleted", "bigint", "Rows that were removed there."),
        Column("rows_there", "bigint", "Rows that were there afterwards; null: not counted."),
        Column("destination", "string", "Where it is; secrets are left out."),
        Column("seconds", "double", "How long it took."),
        Column("note", "string", "What a person should know of it."),
        Column("failure", "string", "Why it could not be sent, and what to do; null: it was."),
        Column("run_id", "string", "The job run, where there was one."),
        Column("delivered_at", "timestamp", "When it was done, UTC; what was found has the target's time."),
    ),
)

MODEL_DECISIONS = ("promoted", "kept_out", "waits_for_approval", "rolled_back")

MODEL_PROMOTIONS = Table(
    name="ops.model_promotions",
    comment="Why each version of the fraud model became champion, was kept out, waits or was rolled back.",
    grain="one criterion of one decision on one version of the model",
    key=("model_version", "decided_at", "decision", "judged_against", "criterion"),
    columns=(
        Column("model_version", "string", "The version of the registered model that was decided on."),
        Column("decided_at", "timestamp", "When the decision was first made, UTC."),
        Column("decision", "string", f"What became of it: {', '.join(MODEL_DECISIONS)}."),
        Column("judged_against", "string", "Version of the champion, or rules where there was none."),
        Column("criterion", "string", "What was judged; approval and rollback are what a person said."),
        Column("figure", "double", "What it came to; null where a person said so."),
        Column("bound", "string", "What the figure must be, such as: above 0."),
        Column("passed", "boolean", "Whether it is met."),
        Column("sentence", "string", "The criterion in words."),
        Column("test_start", "timestamp", "Where the version's test window begins, UTC."),
        Column("run_id", "string", "The job run, where there was one."),
    ),
)
