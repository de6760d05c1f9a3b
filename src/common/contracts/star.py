"""Gold's star schema: dimensions with every version of silver's histories, and facts that point to the right one.

A dimension's surrogate key is a digest of what makes the version: its natural key, valid_from and content. The same
changes give the same keys, whenever and however often the tables are built. A digest of 60 bits collides among ten
million versions with a chance of about 1 in 20,000; the check that keys are unique would show it.

Every dimension has an unknown member, key -1. A fact points to it while no version is known that was valid then: the
entity arrives late, or the source has no such feed. Facts are mended when it arrives.

What identifies a person directly stays in silver, which fewer people may read: dim_customer says where a customer
lives, not who it is.

There is no dim_currency. A currency's code is its own key, nothing else about it is kept here, and a rate belongs to
a year: amounts are in euro already (`amount_eur`).
"""

from collections.abc import Mapping

from common.contracts.reference import Reference
from common.contracts.silver import FRAUD_REPORTS, REFERENCES, TRANSACTIONS
from common.contracts.table import Check, Column, ForeignKey, Table, required

UNKNOWN_KEY = -1


def surrogate(reference: Reference) -> str:
    """The name of a dimension's surrogate key, in the dimension and in the facts."""
    return f"{reference.entity}_key"


def _dimension(reference: Reference) -> Table:
    history, key = reference.history, surrogate(reference)
    digest = "Digest of natural key, valid_from and content; -1 is the unknown member, all others are positive."
    return Table(
        name=f"gold.dim_{reference.entity}",
        comment=f"{reference.comment} Every version, with a surrogate key.",
        grain=f"one version of one {reference.entity}, and one unknown member",
        key=(key,),
        columns=(
            Column(key, "bigint", digest),
            *(column for column in history.columns if column.name != "content_hash" and not column.personal),
        ),
        checks=(
            Check(
                f"{reference.key}_unless_unknown",
                (key, reference.key),
                f"({key} = {UNKNOWN_KEY}) = ({reference.key} IS NULL)",
                "must be null for the unknown member only",
            ),
            Check("valid_to_not_before", ("valid_from", "valid_to"), "valid_to >= valid_from", "must be in order"),
            Check(
                "current_is_open",
                ("is_current", "valid_to"),
                "is_current = (valid_to IS NULL)",
                "must agree: the current version has no end",
            ),
        ),
        cluster_by=(reference.key,),
    )


DIMENSIONS: Mapping[str, Table] = {reference.entity: _dimension(reference) for reference in REFERENCES.values()}
"""By entity: gold.dim_customer and so on."""

DIM_DATE = Table(
    name="gold.dim_date",
    comment="The calendar: all days of the years from the oldest to the newest date of a fact.",
    grain="one day, and one unknown member",
    key=("date_key",),
    columns=(
        Column("date_key", "int", "The day as yyyymmdd; -1 is the unknown member."),
        Column("date", "date", "The day."),
        Column("year", "int", "Calendar year."),
        Column("quarter", "int", "1 to 4."),
        Column("month", "int", "1 to 12."),
        Column("month_name", "string", "In English."),
        Column("month_start", "date", "First day of the month."),
        Column("day", "int", "Day of the month."),
        Column("day_of_year", "int", "1 to 366."),
        Column("iso_year", "int", "The year that the ISO 8601 week belongs to."),
        Column("iso_week", "int", "ISO 8601 week, 1 to 53."),
        Column("weekday", "int", "1 (Monday) to 7 (Sunday)."),
        Column("weekday_name", "string", "In English."),
        Column("is_weekend", "boolean", "Whether it is a Saturday or Sunday."),
        Column("is_month_end", "boolean", "Whether it is the month's last day."),
    ),
    checks=(
        Check(
            "date_key_is_the_date",
            ("date_key", "date"),
            f"(date_key = {UNKNOWN_KEY} AND date IS NULL) "
            "OR date_key = year(date) * 10000 + month(date) * 100 + day(date)",
            "must be the date as yyyymmdd",
        ),
    ),
)

_KEYS = tuple(
    Column(surrogate(r), "bigint", f"The version of the {r.entity} valid at event_time; -1 where none is known.")
    for r in REFERENCES.values()
)
DIMENSION_KEYS = tuple(column.name for column in _KEYS)


def _dimension_keys_exist() -> tuple[ForeignKey, ...]:
    return tuple(ForeignKey(surrogate(r), f"gold.dim_{r.entity}", surrogate(r)) for r in REFERENCES.values())


def _as_in_silver(*names: str) -> tuple[Column, ...]:
    return tuple(Column(c.name, c.type, c.comment) for c in map(TRANSACTIONS.column, names))


FACT_TRANSACTION = Table(
    name="gold.fact_transaction",
    comment="Transactions, each with the versions of customer, account, merchant and terminal that were valid then.",
    grain="one transaction",
    key=("transaction_id",),
    key_scope="event_date",
    columns=(
        *_as_in_silver("transaction_id", "event_time", "event_date"),
        Column("date_key", "int", "event_date in gold.dim_date."),
        *_as_in_silver("customer_id", "account_id", "merchant_id", "terminal_id"),
        *_KEYS,
        *_as_in_silver("currency", "channel", "country", "amount", "amount_eur"),
    ),
    checks=required("event_time", "event_date", "date_key", *DIMENSION_KEYS),
    cluster_by=("event_date",),
    foreign_keys=(ForeignKey("date_key", DIM_DATE.name, "date_key"), *_dimension_keys_exist()),
    change_feed=True,
)

FACT_FRAUD_REPORT = Table(
    name="gold.fact_fraud_report",
    comment="Fraud reports and withdrawals, with what is known of the transaction that they speak of.",
    grain="one report",
    key=FRAUD_REPORTS.key,
    columns=(
        *(Column(c.name, c.type, c.comment) for c in FRAUD_REPORTS.columns if c.name in FRAUD_REPORTS.key),
        Column("reported_date_key", "int", "Date of reported_at, UTC, in gold.dim_date."),
        Column("event_date", "date", "Date of the transaction, UTC; null while it has not arrived."),
        Column("date_key", "int", "event_date in gold.dim_date; -1 while it is null."),
        *_KEYS,
        Column("days_to_report", "int", "Whole days from event_time to reported_at; null without the transaction."),
        Column("amount_eur", "decimal(18,2)", "Amount of the transaction in euro; null without it."),
    ),
    checks=required("reported_date_key", "date_key", *DIMENSION_KEYS),
    foreign_keys=(
        # None to fact_transaction: a report comes before its transaction, or the transaction was quarantined.
        ForeignKey("reported_date_key", DIM_DATE.name, "date_key"),
        ForeignKey("date_key", DIM_DATE.name, "date_key"),
        *_dimension_keys_exist(),
    ),
)
