"""Gold's marts: the questions that people ask every day, answered once.

Each is summed up by day or by month, so that what arrives changes few of its rows: `gold.touched` says which.
"""

from common.contracts.table import Check, Column, Table, not_negative

_TRANSACTIONS = Column("transactions", "bigint", "Number of transactions.")
_AMOUNT = Column("amount_eur", "decimal(28,2)", "Their sum in euro; amounts without a rate are left out.")
_FRAUDS = (
    Column("frauds", "bigint", "Transactions whose last report or verdict so far says fraud."),
    Column("fraud_amount_eur", "decimal(28,2)", "Their sum in euro."),
)
_FRAUD_RATE = Column("fraud_rate", "double", "frauds / transactions.")
_ALERTS = (
    Column("alerts", "bigint", "Alerts raised, backfill not counted."),
    Column(
        "alerts_confirmed", "bigint", "Alerts whose transaction is known to be fraud so far, by a report or a verdict."
    ),
)
_MONTH = Column("month", "date", "First day of the month, UTC.")


def _part(part: str, whole: str) -> Check:
    return Check(f"{part}_within_{whole}", (part, whole), f"{part} BETWEEN 0 AND {whole}", f"must be part of {whole}")


DAILY_FRAUD_SUMMARY = Table(
    name="gold.daily_fraud_summary",
    comment="Transactions, reported fraud and alerts of each day.",
    grain="one day",
    key=("event_date",),
    columns=(
        Column("event_date", "date", "Day, UTC."),
        _TRANSACTIONS,
        _AMOUNT,
        *_FRAUDS,
        _FRAUD_RATE,
        *_ALERTS,
    ),
    checks=(_part("frauds", "transactions"), _part("alerts_confirmed", "alerts")),
)

MERCHANT_RISK = Table(
    name="gold.merchant_risk",
    comment="Fraud at each merchant by month, with a rate that few transactions don't carry to extremes.",
    grain="one merchant and month",
    key=("merchant_id", "month"),
    key_scope="month",
    columns=(
        Column("merchant_id", "string", "The merchant; transactions without one are left out."),
        _MONTH,
        _TRANSACTIONS,
        _AMOUNT,
        *_FRAUDS,
        _FRAUD_RATE,
        Column("smoothed_fraud_rate", "double", "The m-estimate of the fraud rate, drawn to that of all merchants."),
        Column("risk_rank", "int", "Place by smoothed_fraud_rate among the month's merchants; 1 is the riskiest."),
        *_ALERTS,
    ),
    checks=(_part("frauds", "transactions"), _part("alerts_confirmed", "alerts"), _part("alerts", "transactions")),
    cluster_by=("month",),
)

CUSTOMER_SPENDING = Table(
    name="gold.customer_spending",
    comment="What each customer spent by month, and how.",
    grain="one customer and month",
    key=("customer_id", "month"),
    key_scope="month",
    columns=(
        Column("customer_id", "string", "The customer; transactions without one are left out."),
        _MONTH,
        _TRANSACTIONS,
        _AMOUNT,
        Column("largest_amount_eur", "decimal(18,2)", "The largest of them in euro; null where none has a rate."),
        Column("online_amount_eur", "decimal(28,2)", "Their sum in euro, online only."),
        Column("active_days", "bigint", "Days with a transaction."),
        Column("merchants", "bigint", "Different merchants."),
        Column("countries", "bigint", "Different countries where the card was used."),
        *_FRAUDS,
    ),
    checks=(_part("frauds", "transactions"), _part("active_days", "transactions")),
    cluster_by=("month",),
)

COUNTRY_CHANNEL_MATRIX = Table(
    name="gold.country_channel_matrix",
    comment="Transactions and fraud by month, country and channel of use.",
    grain="one country, channel and month",
    key=("country", "channel", "month"),
    key_scope="month",
    nullable_key=("country", "channel"),
    columns=(
        Column("country", "string", "Where the cards were used, ISO 3166-1 alpha-2; null where unknown."),
        Column("channel", "string", "How; null where unknown."),
        _MONTH,
        _TRANSACTIONS,
        _AMOUNT,
        *_FRAUDS,
        _FRAUD_RATE,
        *_ALERTS,
    ),
    checks=(_part("frauds", "transactions"), _part("alerts", "transactions")),
)

OUTCOMES = ("confirmed", "withdrawn", "still_open", "genuine")

ALERT_OUTCOMES = Table(
    name="gold.alert_outcomes",
    comment="What became of the alerts of each day, by what caused them. Backfill is no alert.",
    grain="one day and cause",
    key=("event_date", "cause"),
    key_scope="event_date",
    columns=(
        Column("event_date", "date", "Day of the transactions, UTC."),
        Column("cause", "string", "model, both (model and rules), or the names of the rules that fired alone."),
        Column("alerts", "bigint", "Alerts raised."),
        Column("confirmed", "bigint", "The last report or verdict so far says fraud."),
        Column("withdrawn", "bigint", "The last report or verdict so far takes an earlier one of fraud back."),
        Column("still_open", "bigint", "Nothing is known so far, and the label delay is not over for the whole day."),
        Column("genuine", "bigint", "A verdict says so, or nothing is known and the delay is over."),
        Column("precision", "double", "confirmed / (alerts - still_open); null while all are open."),
        Column("alert_amount_eur", "decimal(28,2)", "Amount of all alerts in euro."),
        Column("saved_eur", "decimal(28,2)", "Amount of those confirmed: what stopping them saved."),
    ),
    checks=(
        *map(not_negative, OUTCOMES),
        Check("outcomes_add_up", ("alerts", *OUTCOMES), f"alerts = {' + '.join(OUTCOMES)}", "must add up to alerts"),
    ),
)
