"""Gold: features, scores and decisions. Dimensions and facts are in `star`, what people read of them in `marts`."""

from common.contracts.features import FEATURE_COLUMNS
from common.contracts.table import Column, ForeignKey, Freshness, Table, View, Volume, between, one_of, required

_EVENT = (
    Column("transaction_id", "string", "The transaction."),
    Column("event_time", "timestamp", "When the card was used, UTC."),
    Column("event_date", "date", "Date of event_time, UTC."),
    Column("customer_id", "string", "Who paid."),
    Column("account_id", "string", "The card's account."),
)
_OF_A_TRANSACTION = (ForeignKey("transaction_id", "silver.transactions", "transaction_id"),)
_SKIP_BY = ("transaction_id", "event_time", "event_date", "customer_id", "terminal_id")
"""Nobody looks for rows by a feature."""
_AS_NEW_AS_SILVER = (Freshness("event_time", max_hours=24), Volume("event_date"))

TRANSACTION_FEATURES = Table(
    name="gold.transaction_features",
    comment="Every model input of a transaction, using only what was known when it happened.",
    grain="one transaction",
    key=("transaction_id",),
    key_scope="event_date",
    columns=(
        *_EVENT,
        Column("terminal_id", "string", "Where the card was used."),
        *FEATURE_COLUMNS,
    ),
    cluster_by=("event_date",),
    foreign_keys=_OF_A_TRANSACTION,
    expectations=_AS_NEW_AS_SILVER,
    skip_by=_SKIP_BY,
)

DECISIONS = ("fraud", "genuine")
IS_ALERT = "decision = 'fraud' AND NOT is_backfill"
"""What an alert is, over the columns of gold.transaction_scores: decided to be fraud, and not backfill."""

TRANSACTION_SCORES = Table(
    name="gold.transaction_scores",
    comment="The verdict of the model and the rules on each transaction, with the features that they saw.",
    grain="one transaction",
    key=("transaction_id",),
    key_scope="event_date",
    columns=(
        *_EVENT,
        Column("merchant_id", "string", "Who was paid."),
        Column("terminal_id", "string", "Where the card was used."),
        Column("amount_eur", "decimal(18,2)", "Amount in euro."),
        Column("score", "double", "The model's probability of fraud, 0 to 1."),
        Column("threshold", "double", "Scores above it make an alert; comes with the model version."),
        Column("decision", "string", "fraud or genuine."),
        Column("rules_hit", "array<string>", "Names of the rules that fired."),
        Column("reasons", "array<string>", "Why it is an alert, most important first; empty where it is none."),
        Column(
            "features",
            "struct<" + ", ".join(f"{c.name}: {c.type}" for c in FEATURE_COLUMNS) + ">",
            "The features as the scorer saw them.",
        ),
        Column("model_version", "string", "Version of the registered model, the champion of that moment."),
        Column("challenger_version", "string", "Version that scored beside it, deciding nothing; null: none did."),
        Column("challenger_score", "double", "That version's probability of fraud, 0 to 1, kept for comparison."),
        Column("is_backfill", "boolean", "Before the model's test_start: scored, but never an alert or a figure."),
        Column("scored_at", "timestamp", "When it was scored, UTC."),
    ),
    checks=(
        *required("score", "threshold", "decision", "is_backfill", "model_version"),
        between("score", "0", "1", "must be a probability"),
        one_of("decision", DECISIONS),
    ),
    cluster_by=("event_date",),
    foreign_keys=_OF_A_TRANSACTION,
    expectations=_AS_NEW_AS_SILVER,
    skip_by=(*_SKIP_BY, "scored_at"),
    change_feed=True,
)

FRAUD_TRANSACTIONS = View(
    name="gold.fraud_transactions",
    comment="Transactions decided to be fraud, by the model or a blocking rule.",
    of=TRANSACTION_SCORES,
    condition="decision = 'fraud'",
)
GENUINE_TRANSACTIONS = View(
    name="gold.genuine_transactions",
    comment="Transactions decided to be genuine.",
    of=TRANSACTION_SCORES,
    condition="decision = 'genuine'",
)
