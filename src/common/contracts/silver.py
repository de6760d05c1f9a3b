"""Silver: cleaned, checked and deduplicated; every quarantined record with its reasons."""

from common.contracts.conventions import LINEAGE, identifier, plausible_time
from common.contracts.reference import reference
from common.contracts.table import (
    Check,
    Column,
    ForeignKey,
    Freshness,
    Table,
    Volume,
    between,
    matches,
    not_negative,
    one_of,
    required,
)

CHANNELS = ("card_present", "online", "atm")
RISK_RATINGS = ("low", "medium", "high")

PURCHASE, REFUND = "purchase", "refund"
IS_PURCHASE = f"NOT kind <=> '{REFUND}'"
"""Of silver.transactions: whether money was spent. Features, scores and marts are of purchases; rows that were accepted
before there was a kind are that."""

LARGEST_AMOUNT = 10_000_000


TRANSACTIONS = Table(
    name="silver.transactions",
    comment="Card transactions that passed every check, each once.",
    grain="one transaction",
    key=("transaction_id",),
    key_scope="event_date",
    columns=(
        Column("transaction_id", "string", "Identifier given by the payment switch.", "id"),
        Column("event_time", "timestamp", "When the card was used, UTC."),
        Column("event_date", "date", "Date of event_time, UTC.", derived=True),
        Column("customer_id", "string", "Who paid.", "id"),
        Column("account_id", "string", "The card's account.", "id"),
        Column("merchant_id", "string", "Who was paid.", "id"),
        Column("terminal_id", "string", "Where the card was used.", "id"),
        Column(
            "amount",
            "decimal(18,2)",
            "Amount in `currency`, tax included; below zero for a refund, so that a sum is what was spent in the end.",
        ),
        Column("currency", "string", "ISO 4217 code.", "currency"),
        Column(
            "amount_eur",
            "decimal(18,2)",
            "Amount in euro by the year's rate; null where there is none.",
            derived=True,
        ),
        Column("channel", "string", f"How the card was used: {', '.join(CHANNELS)}.", "label"),
        Column("country", "string", "Where the card was used, ISO 3166-1 alpha-2.", "country"),
        Column(
            "is_known_customer",
            "boolean",
            "Whether the customer was in silver.customers when the row was accepted; null where the source "
            "has no customers.",
            derived=True,
        ),
        Column(
            "kind",
            "string",
            f"{PURCHASE}, or {REFUND}: an amount below zero of a feed that declares `negative_amounts: refunds`. "
            "Null, in rows of before, is a purchase.",
            derived=True,
        ),
        *LINEAGE,
    ),
    checks=(
        *required("transaction_id", "event_time", "amount"),
        *required("customer_id", "terminal_id", "currency", "channel", "country", if_mapped=True),
        identifier("transaction_id"),
        identifier("customer_id"),
        identifier("account_id"),
        identifier("merchant_id"),
        identifier("terminal_id"),
        plausible_time("event_time"),
        Check(
            "amount_not_negative",
            ("amount",),
            f"amount >= 0 OR kind <=> '{REFUND}'",
            "must not be negative; where that is a refund, the feed declares `negative_amounts: refunds`",
        ),
        Check(
            "amount_at_most",
            ("amount",),
            f"abs(amount) <= {LARGEST_AMOUNT}",
            f"must be at most {LARGEST_AMOUNT:,}",
        ),
        one_of("channel", CHANNELS),
    ),
    cluster_by=("event_date",),
    essential=("transaction_id", "event_time", "amount"),
    expectations=(Freshness("event_time", max_hours=24), Volume("event_date")),
)

FRAUD_REPORTS = Table(
    name="silver.fraud_reports",
    comment="What customers and investigators reported of transactions; known only from reported_at on.",
    grain="one report",
    key=("transaction_id", "reported_at", "is_fraud"),
    columns=(
        Column("transaction_id", "string", "The transaction that the report speaks of.", "id"),
        Column("is_fraud", "boolean", "True: reported as fraud; false: an earlier report is withdrawn."),
        Column("reported_at", "timestamp", "When the report came in, UTC."),
        *LINEAGE,
    ),
    checks=(
        *required("transaction_id", "is_fraud", "reported_at"),
        identifier("transaction_id"),
        plausible_time("reported_at"),
    ),
    cluster_by=("transaction_id",),
    essential=("transaction_id", "is_fraud", "reported_at"),
    # A source that only says which transactions were fraud dates their reports itself, often ahead.
    expectations=(Freshness("reported_at", max_hours=7 * 24, moves_clock=False), Volume("reported_at", min_share=0.25)),
)

QUARANTINE = Table(
    name="silver.quarantine",
    comment="Every record that a silver table quarantined, as received, with all its reasons.",
    grain="one quarantined record and target table",
    key=("target", "record_id"),
    columns=(
        Column("target", "string", "The table that quarantined it, such as silver.transactions."),
        Column("record_id", "string", "The bronze record."),
        Column("feed", "string", "The feed that it came by."),
        Column("source", "string", "Name of the source's declaration."),
        Column("source_ref", "string", "Where the record was, as in bronze."),
        Column("payload", "string", "The record as received.", personal=True),
        Column(
            "failed_checks",
            "array<struct<name: string, reason: string>>",
            "Every check that failed, with the value and the rule.",
        ),
        Column("query_id", "string", "The streaming query that quarantined it."),
        Column("batch_id", "bigint", "Its micro-batch."),
        Column("quarantined_at", "timestamp", "When it was quarantined, UTC."),
    ),
    cluster_by=("target",),
)

CUSTOMER = reference(
    entity="customer",
    comment="People who hold cards.",
    columns=(
        Column("customer_id", "string", "Identifier given by the issuer.", "id"),
        Column("full_name", "string", "Name as the customer gives it, spaces collapsed.", "name", personal=True),
        Column("first_name", "string", "Given names.", "name", personal=True),
        Column("last_name", "string", "Family name, particles included.", "name", personal=True),
        Column("email", "string", "E-mail address, lower case.", "email", personal=True),
        Column("phone", "string", "Telephone number.", personal=True),
        Column("birth_date", "date", "Date of birth.", personal=True),
        Column("street", "string", "Street and number.", personal=True),
        Column("city", "string", "City.", "name"),
        Column("postal_code", "string", "Postal code.", "code", personal=True),
        Column("country", "string", "Country of residence, ISO 3166-1 alpha-2.", "country"),
    ),
    checks=(
        *required("full_name", "country", if_mapped=True),
        matches("email", r"[^@ ]+@[^@ ]+[.][^@ ]+", "must look like name@domain.tld"),
        between("birth_date", "DATE'1900-01-01'", "current_date()", "must lie between 1900 and today"),
    ),
)

ACCOUNT = reference(
    entity="account",
    comment="Card accounts.",
    columns=(
        Column("account_id", "string", "Identifier given by the issuer.", "id"),
        Column("customer_id", "string", "Who holds it.", "id"),
        Column("currency", "string", "ISO 4217 code.", "currency"),
        Column("credit_limit", "decimal(18,2)", "Limit in `currency`."),
        Column("balance", "decimal(18,2)", "Balance in `currency`, the newest received."),
    ),
    checks=(
        *required("customer_id", "currency", if_mapped=True),
        identifier("customer_id"),
        not_negative("credit_limit"),
    ),
    carried=("balance",),
    foreign_keys=(
        ForeignKey("customer_id", "silver.customers", "customer_id", severity="warning", to_whole_key=False),
    ),
    fresh_days=7,
)

MERCHANT = reference(
    entity="merchant",
    comment="Shops and services that accept cards.",
    columns=(
        Column("merchant_id", "string", "Identifier given by the acquirer.", "id"),
        Column("name", "string", "Trade name."),
        Column("category_code", "string", "Merchant category code, ISO 18245, 4 digits.", "code"),
        Column("country", "string", "Where it is established, ISO 3166-1 alpha-2.", "country"),
        Column("risk_rating", "string", f"The acquirer's rating: {', '.join(RISK_RATINGS)}.", "label"),
        Column("is_watchlisted", "boolean", "Whether it is on the fraud team's watchlist."),
    ),
    checks=(
        *required("name", "country", if_mapped=True),
        matches("category_code", "[0-9]{4}", "must be 4 digits"),
        one_of("risk_rating", RISK_RATINGS),
    ),
)

TERMINAL = reference(
    entity="terminal",
    comment="Payment terminals, cash machines and web shops' check-outs.",
    columns=(
        Column("terminal_id", "string", "Identifier given by the acquirer.", "id"),
        Column("merchant_id", "string", "Whose it is.", "id"),
        Column("latitude", "double", "Degrees north."),
        Column("longitude", "double", "Degrees east."),
        Column("city", "string", "City.", "name"),
        Column("country", "string", "Country, ISO 3166-1 alpha-2.", "country"),
    ),
    checks=(
        *required("merchant_id", if_mapped=True),
        identifier("merchant_id"),
        between("latitude", "-90", "90", "must lie between -90 and 90"),
        between("longitude", "-180", "180", "must lie between -180 and 180"),
    ),
    foreign_keys=(
        ForeignKey("merchant_id", "silver.merchants", "merchant_id", severity="warning", to_whole_key=False),
    ),
    fresh_days=90,
)

REFERENCES = {f"{r.entity}s": r for r in (CUSTOMER, ACCOUNT, MERCHANT, TERMINAL)}
BY_ENTITY = {reference.entity: reference for reference in REFERENCES.values()}

TARGETS = {
    "transactions": TRANSACTIONS,
    "fraud_reports": FRAUD_REPORTS,
    **{name: reference.changes for name, reference in REFERENCES.items()},
}
"""What a source's feeds can be mapped into: by name, the table whose columns the map gives."""
