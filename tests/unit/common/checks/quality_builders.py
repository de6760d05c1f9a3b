"""A small lake of good tables: twelve days of transactions, their reports, customers and accounts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from common.contracts.ddl import schema_of
from common.contracts.silver import ACCOUNT, CUSTOMER, FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Column, ForeignKey, Table, one_of, required
from common.storage.lake import Lake

FIRST_DAY = date(2025, 6, 1)
DAYS = 12
PER_DAY = 40
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
PAYMENTS = DAYS * PER_DAY

FACTS = Table(
    name="gold.test_facts",
    comment="Facts of the test.",
    grain="one transaction",
    key=("transaction_id",),
    key_scope="event_date",
    columns=(
        Column("transaction_id", "string", "The transaction."),
        Column("event_date", "date", "Its day."),
        Column("decision", "string", "What was decided."),
        Column("customer_id", "string", "Who paid; it's an id."),
    ),
    checks=(*required("decision"), one_of("decision", ("fraud", "genuine"))),
    foreign_keys=(
        ForeignKey("transaction_id", TRANSACTIONS.name, "transaction_id"),
        ForeignKey("customer_id", CUSTOMER.history.name, "customer_id"),
    ),
)
TABLES = (TRANSACTIONS, FRAUD_REPORTS, CUSTOMER.history, ACCOUNT.changes, ACCOUNT.history, FACTS)


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def a_payment(name: str, day: date = LAST_DAY, **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": name,
        "event_time": at(day, 12),
        "event_date": day,
        "customer_id": "C1",
        "amount": Decimal("12.50"),
        "currency": "EUR",
        "channel": "online",
    } | changes


def a_fact(name: str, day: date = LAST_DAY, **changes: Any) -> dict[str, Any]:
    return {"transaction_id": name, "event_date": day, "decision": "genuine", "customer_id": "C1"} | changes


def an_account(name: str, **changes: Any) -> dict[str, Any]:
    return {"account_id": name, "customer_id": "C1", "content_hash": "h", "valid_from": at(FIRST_DAY)} | changes


def a_report(name: str, day: date, **changes: Any) -> dict[str, Any]:
    return {"transaction_id": name, "is_fraud": True, "reported_at": at(day, 22)} | changes


def add(lake: Lake, table: Table, *rows: dict[str, Any]) -> None:
    values = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.append(lake.spark.createDataFrame(values, schema_of(table)), table)


def fill(lake: Lake) -> None:
    """Makes the tables, each as its contract promises."""
    lake.ensure(*TABLES)
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    names = [(f"P{number}-{day}", day, number) for day in days for number in range(PER_DAY)]
    # The last payment of each day falls into its last hour.
    add(
        lake,
        TRANSACTIONS,
        *(a_payment(name, day, event_time=at(day, 23 * number // (PER_DAY - 1), 30)) for name, day, number in names),
    )
    add(lake, FACTS, *(a_fact(name, day) for name, day, _ in names))
    add(lake, FRAUD_REPORTS, *(a_report(name, day) for name, day, number in names if number == 7))
    add(
        lake,
        CUSTOMER.history,
        *({"customer_id": c, "content_hash": "h", "valid_from": at(FIRST_DAY)} for c in ("C1", "C2")),
    )
    add(lake, ACCOUNT.history, an_account("A1"), an_account("A2", customer_id=None))
    changes = [an_account(f"A{number}", changed_at=at(day, 10)) for number, day in enumerate(days)]
    add(lake, ACCOUNT.changes, *changes)
