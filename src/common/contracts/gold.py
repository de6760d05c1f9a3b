"""Gold: features, scores and decisions. Dimensions and facts are in `star`, what people read of them in `marts`."""

from common.contracts.table import Column, ForeignKey, Freshness, Table, View, Volume, between, one_of, required

WINDOW_DAYS = (1, 7, 30)


def _windowed(prefix: str, type_: str, comment: str) -> tuple[Column, ...]:
    return tuple(Column(f"{prefix}_{days}d", type_, comment.format(days=days)) for days in WINDOW_DAYS)


FEATURES = (
    Column("amount_eur", "double", "Amount of the transaction in euro."),
    Column("is_weekend", "boolean", "Whether it happened on a Saturday or Sunday, UTC."),
    Column("is_night", "boolean", "Whether it happened from hour 0 to hour 6, UTC."),
    *_windowed("customer_tx_count", "bigint", "Transactions of the customer in (t - {days} d, t]."),
    *_windowed("customer_amount_mean", "double", "Their mean amount in euro in (t - {days} d, t]; null without any."),
    *_windowed("terminal_tx_count", "bigint", "Transactions at the terminal in (t - 7 d - {days} d, t - 7 d]."),
    *_windowed("terminal_fraud_rate", "double", "Share of those known at t to be fraud; 0 where there are none."),
)
FEATURE_NAMES = tuple(column.name for column in FEATURES)

_EVENT = (
    Column("transaction_id", "string", "The transaction."),
    Column("event_time", "timestamp", "When the card was used, UTC."),
    Column("event_date", "date", "Date of event_time, UTC."),
    Column("customer_id", "string", "Who paid."),
    Column("account_id", "string", "The card's account."),
)
_OF_A_TRANSACTION = (ForeignKey("transaction_id", "silver.transactions", "transaction_id"),)
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
        *FEATURES,
    ),
    cluster_by=("event_date",),
    foreign_keys=_OF_A_TRANSACTION,
    expectations=_AS_NEW_AS_SILVER,
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
            "struct<" + ", ".join(f"{c.name}: {c.type}" for c in FEATURES) + ">",
            "The features as the scorer saw them.",
        ),
        Column("model_version", "string", "Version of the registered model."),
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
