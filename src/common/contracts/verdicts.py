"""Silver's verdicts: what reviewers decided on alerts. No source delivers them; a person records them."""

from common.contracts.conventions import identifier, plausible_time
from common.contracts.table import Check, Column, ForeignKey, Table, one_of, required

FRAUD, GENUINE, UNSURE = "fraud", "genuine", "unsure"
VERDICTS = (FRAUD, GENUINE, UNSURE)

ALERT_VERDICTS = Table(
    name="silver.alert_verdicts",
    comment="What reviewers decided on transactions. A changed mind is a new row, and the last one counts.",
    grain="one verdict given",
    key=("verdict_id",),
    columns=(
        Column("verdict_id", "string", "Digest of transaction, verdict, reviewer, note and decided_at."),
        Column("transaction_id", "string", "The transaction that was reviewed."),
        Column("verdict", "string", f"{', '.join(VERDICTS)}; {UNSURE} makes no label, and takes none back."),
        Column("reviewer", "string", "Who decided."),
        Column("note", "string", "Why, in the reviewer's words; null without one.", personal=True),
        Column("decided_at", "timestamp", "When it was decided, UTC; the label is known from then on."),
        Column("recorded_at", "timestamp", "When the row was written, UTC."),
    ),
    checks=(
        *required("transaction_id", "verdict", "reviewer", "decided_at", "recorded_at"),
        identifier("transaction_id"),
        one_of("verdict", VERDICTS),
        plausible_time("decided_at"),
        Check(
            "decided_at_before_recorded_at",
            ("decided_at", "recorded_at"),
            "decided_at <= recorded_at",
            "must not lie after recorded_at",
        ),
    ),
    cluster_by=("transaction_id",),
    # A warning: a feed that is read again may bring the transaction back under another id, or not at all.
    foreign_keys=(ForeignKey("transaction_id", "silver.transactions", "transaction_id", severity="warning"),),
)
