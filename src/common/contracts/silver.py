"""Silver: cleaned, checked and deduplicated; every refused record with its reasons.

The reference data come in pairs: `*_changes` keeps every accepted change once, and the history of versions
(slowly changing dimension, type 2) is derived from it, so that it doesn't depend on the order of arrival.
"""

from dataclasses import dataclass, field, replace

from common.contracts.table import (
    Check,
    Column,
    ForeignKey,
    Freshness,
    Table,
    Volume,
    at_most,
    between,
    matches,
    not_negative,
    one_of,
    required,
)

CHANNELS = ("card_present", "online", "atm")
RISK_RATINGS = ("low", "medium", "high")
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
EARLIEST = "DATE'1990-01-01'"

LINEAGE = (
    Column("record_id", "string", "The bronze record that this row comes from.", derived=True),
    Column("accepted_at", "timestamp", "When the row was accepted, UTC.", derived=True),
)


def _id(column: str) -> Check:
    return matches(column, ID_PATTERN, "must be 1 to 64 letters, digits or _ . : -, beginning with a letter or digit")


def _plausible_time(column: str) -> Check:
    return between(
        column,
        EARLIEST,
        "current_timestamp() + INTERVAL 2 DAYS",
        "must lie between 1990 and two days from now",
    )


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
        Column("amount", "decimal(18,2)", "Amount in `currency`, tax included."),
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
        *LINEAGE,
    ),
    checks=(
        *required("transaction_id", "event_time", "amount"),
        *required("customer_id", "terminal_id", "currency", "channel", "country", if_mapped=True),
        _id("transaction_id"),
        _id("customer_id"),
        _id("account_id"),
        _id("merchant_id"),
        _id("terminal_id"),
        _plausible_time("event_time"),
        not_negative("amount"),
        at_most("amount", 10_000_000),
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
        _id("transaction_id"),
        _plausible_time("reported_at"),
    ),
    cluster_by=("transaction_id",),
    essential=("transaction_id", "is_fraud", "reported_at"),
    # A source that only says which transactions were fraud dates their reports itself, often ahead.
    expectations=(Freshness("reported_at", max_hours=7 * 24, moves_clock=False), Volume("reported_at", min_share=0.25)),
)

QUARANTINE = Table(
    name="silver.quarantine",
    comment="Every record that a silver table refused, as received, with all its reasons.",
    grain="one refused record and target table",
    key=("target", "record_id"),
    columns=(
        Column("target", "string", "The table that refused it, such as silver.transactions."),
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
        Column("query_id", "string", "The streaming query that refused it."),
        Column("batch_id", "bigint", "Its micro-batch."),
        Column("quarantined_at", "timestamp", "When it was refused, UTC."),
    ),
    cluster_by=("target",),
)


def _unless_deleted(check: Check) -> Check:
    """A record that deletes its entity often holds the key alone."""
    return replace(check, condition=f"coalesce(is_deleted, false) OR ({check.condition})")


@dataclass(frozen=True)
class Reference:
    """A kind of reference data: what a change record holds, and the two tables made of it.

    `carried` columns are kept up to date on the version that they came with, but make no version of their own.
    `fresh_days` says after how many days without a change the feed counts as stale.
    """

    entity: str
    comment: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...]
    carried: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    fresh_days: int = 30
    changes: Table = field(init=False)
    history: Table = field(init=False)

    def __post_init__(self) -> None:
        key = self.columns[0].name
        columns = (*self.columns, Column("is_deleted", "boolean", f"Whether the source deleted the {self.entity}."))
        changed_at = Column("changed_at", "timestamp", "When the change was made, by the source's own clock, UTC.")
        digest = Column(
            "content_hash",
            "string",
            "Digest of all versioned columns; equal means nothing changed.",
            derived=True,
        )
        changes = Table(
            name=f"silver.{self.entity}_changes",
            comment=f"Accepted change records of {self.entity}s, each once.",
            grain="one change of one " + self.entity,
            key=(key, "changed_at", "content_hash", *self.carried),
            columns=(*columns, changed_at, digest, *LINEAGE),
            checks=(
                *required(key, "changed_at"),
                _id(key),
                _plausible_time("changed_at"),
                *(_unless_deleted(check) for check in self.checks),
            ),
            cluster_by=(key,),
            essential=(key, "changed_at"),
            nullable_key=self.carried,
            expectations=(Freshness("changed_at", max_hours=self.fresh_days * 24),),
        )
        history = Table(
            name=f"silver.{self.entity}s",
            comment=f"{self.comment} Every version, slowly changing dimension type 2.",
            grain="one version of one " + self.entity,
            key=(key, "valid_from", "content_hash"),
            columns=(
                *columns,
                Column("valid_from", "timestamp", "The version holds from here on (changed_at), UTC."),
                Column("valid_to", "timestamp", "It holds until just before; null for the current version."),
                Column("is_current", "boolean", "Whether this is the newest version."),
                digest,
            ),
            cluster_by=(key,),
            foreign_keys=self.foreign_keys,
        )
        object.__setattr__(self, "changes", changes)
        object.__setattr__(self, "history", history)

    @property
    def key(self) -> str:
        """The column that identifies the entity."""
        return self.columns[0].name

    @property
    def versioned(self) -> tuple[str, ...]:
        """The columns whose change makes a new version."""
        return (*(c.name for c in self.columns[1:] if c.name not in self.carried), "is_deleted")


CUSTOMER = Reference(
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

ACCOUNT = Reference(
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
        _id("customer_id"),
        not_negative("credit_limit"),
    ),
    carried=("balance",),
    foreign_keys=(
        ForeignKey("customer_id", "silver.customers", "customer_id", severity="warning", to_whole_key=False),
    ),
    fresh_days=7,
)

MERCHANT = Reference(
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

TERMINAL = Reference(
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
        _id("merchant_id"),
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
