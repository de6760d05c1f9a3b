"""A lake with a few rows of every table that the shipped warehouse serves, and the warehouse on a test's server."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.marts import COUNTRY_CHANNEL_MATRIX, DAILY_FRAUD_SUMMARY
from common.contracts.silver import ACCOUNT, CUSTOMER, MERCHANT
from common.contracts.star import FACT_TRANSACTION
from common.contracts.table import Table
from common.publish.postgres.served import ServedTable
from common.publish.writers.postgres import PostgresTables
from common.settings import repository
from common.storage.lake import Lake

if TYPE_CHECKING:
    from servers.postgres import Postgres

START = datetime(2026, 1, 5, 10, 0, 0, 123456, tzinfo=UTC)
TABLES = (
    CUSTOMER.history,
    ACCOUNT.history,
    MERCHANT.history,
    TRANSACTION_SCORES,
    FACT_TRANSACTION,
    DAILY_FRAUD_SUMMARY,
    COUNTRY_CHANNEL_MATRIX,
)
Row = dict[str, Any]


def frame(lake: Lake, table: Table, *rows: Row) -> DataFrame:
    """Rows of a contract's columns; those that a row leaves out are null."""
    tuples = [tuple(row.get(name) for name in table.column_names) for row in rows]
    return lake.spark.createDataFrame(tuples, schema_of(table))


def change(lake: Lake, table: Table, upsert: tuple[Row, ...] = (), delete: tuple[Row, ...] = ()) -> None:
    """Upserts and deletes rows in one commit, as the jobs do."""
    rows = frame(lake, table, *upsert).withColumn("operation", F.lit("upsert"))
    gone = frame(lake, table, *delete).withColumn("operation", F.lit("delete"))
    lake.apply_changes(rows.unionByName(gone), table)


def a_version(customer: str, number: int = 1, **values: Any) -> Row:
    """A version of a customer, the current one unless it says otherwise."""
    return {
        "customer_id": customer,
        "full_name": f"Name of {customer}",
        "email": f"{customer}@example.org",
        "city": 'Saint "Quote", \\ Town',
        "country": "DE",
        "is_deleted": False,
        "valid_from": START + timedelta(days=number),
        "valid_to": None,
        "is_current": True,
        "content_hash": f"h{number}",
    } | values


def a_score(number: int, decision: str = "genuine", **values: Any) -> Row:
    """A scored transaction."""
    return {
        "transaction_id": f"t{number}",
        "event_time": START + timedelta(minutes=number),
        "event_date": START.date(),
        "customer_id": f"c{number % 3}",
        "amount_eur": Decimal(number) / 4,
        "score": number / 7,
        "threshold": 0.5,
        "decision": decision,
        "rules_hit": [],
        "reasons": ['A "new" country', "back\\slash, {braces}", "NULL", "", "a\nline"] if decision == "fraud" else [],
        "model_version": "1",
        "is_backfill": False,
        "scored_at": START,
    } | values


def fill(lake: Lake) -> None:
    """A few rows of each table, with what is hard to write: quotes, nulls, NaN, lists, NUL."""
    lake.ensure(*TABLES)
    people = [a_version(f"c{number}") for number in range(6)]
    old = [a_version("c0", 0, is_current=False, valid_to=START + timedelta(days=1), city="Before")]
    deleted = [a_version("c9", is_deleted=True)]
    lake.append(frame(lake, CUSTOMER.history, *people, *old, *deleted), CUSTOMER.history)
    account = {"account_id": "a1", "customer_id": "c1", "currency": "EUR", "credit_limit": Decimal("1e3")}
    version = {"is_current": True, "valid_from": START, "content_hash": "h"}
    lake.append(frame(lake, ACCOUNT.history, account | version), ACCOUNT.history)
    merchants = [{"merchant_id": f"m{n}", "name": name} | version for n, name in enumerate(("Bäcker", "nul\0", ""))]
    lake.append(frame(lake, MERCHANT.history, *merchants), MERCHANT.history)
    scores = [a_score(number, "fraud" if number % 4 == 0 else "genuine") for number in range(20)]
    # An id on two dates is its source's fault; both rows are served.
    scores.append(a_score(3, event_date=START.date() + timedelta(days=1)))
    odd = [a_score(20, "fraud", score=float("nan"), amount_eur=None, rules_hit=None, reasons=[None, "x"])]
    lake.append(frame(lake, TRANSACTION_SCORES, *scores, *odd), TRANSACTION_SCORES)
    facts = [{"transaction_id": f"t{n}", "event_date": START.date(), "amount": Decimal("-1.25")} for n in range(5)]
    lake.append(frame(lake, FACT_TRANSACTION, *facts), FACT_TRANSACTION)
    day = {"event_date": date(2026, 1, 5), "transactions": 2**40, "amount_eur": Decimal("1e20"), "fraud_rate": 0.1}
    lake.append(frame(lake, DAILY_FRAUD_SUMMARY, day), DAILY_FRAUD_SUMMARY)
    cells = [{"country": c, "channel": ch, "month": date(2026, 1, 1)} for c, ch in (("DE", None), (None, None))]
    lake.append(frame(lake, COUNTRY_CHANNEL_MATRIX, *cells), COUNTRY_CHANNEL_MATRIX)


def warehouse(
    postgres: "Postgres", user: str = "postgres", edit: Callable[[dict[str, Any]], object] = lambda _: None
) -> PostgresTables:
    """The shipped output on the test's server; `edit` changes its YAML."""
    content = yaml.safe_load((repository() / "outputs/warehouse.yml").read_text(encoding="utf-8"))
    content["connections"] = {"warehouse": postgres.connection("warehouse", user)}
    edit(content)
    return PostgresTables.model_validate(content)


def in_lake(lake: Lake, table: ServedTable) -> list[tuple[Any, ...]]:
    """The rows that a table serves, as PostgreSQL shall give them."""
    rows = lake.table(table.source).where(table.condition).select(*table.column_names).collect()
    return sorted((tuple(_as_there(value) for value in row) for row in rows), key=repr)


def in_postgres(postgres: "Postgres", output: PostgresTables, table: ServedTable) -> list[tuple[Any, ...]]:
    """The rows that are there."""
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    with postgres.connect("warehouse", options="-c TimeZone=UTC") as connection:
        rows = connection.execute(f'SELECT {columns} FROM {output.schema_}."{table.name}"').fetchall()
    return sorted((tuple(_comparable(value) for value in row) for row in rows), key=repr)


def _as_there(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return _comparable(value)


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return "NaN" if isinstance(value, float) and value != value else value  # noqa: PLR0124


def differing(lake: Lake, postgres: "Postgres", output: PostgresTables) -> dict[str, Any]:
    """By table, rows that are on one side only; tables that the lake lacks are left out."""
    found = {}
    for table in output.served:
        if lake.exists(table.source):
            here, there = in_lake(lake, table), in_postgres(postgres, output, table)
            if here != there:
                found[table.name] = ([r for r in here if r not in there], [r for r in there if r not in here])
    return found
