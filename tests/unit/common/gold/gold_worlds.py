"""Small worlds of transactions, reports, changes and scores, as Python rows that can be appended to silver and gold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.reference import Reference
from common.contracts.silver import BY_ENTITY, FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.contracts.verdicts import ALERT_VERDICTS
from common.silver.derive import DERIVATIONS
from common.sources.value_format import USUAL
from common.storage.lake import Lake

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def at(days: float = 0, *, micros: int = 0) -> datetime:
    return START + timedelta(days=days, microseconds=micros)


@dataclass(frozen=True)
class Transaction:
    transaction_id: str
    event_time: datetime
    customer_id: str | None = "C"
    account_id: str | None = "A"
    merchant_id: str | None = "M"
    terminal_id: str | None = "T"
    cents: int | None = 1000
    channel: str | None = "online"
    country: str | None = "DE"
    kind: str | None = None

    @property
    def amount_eur(self) -> Decimal | None:
        return None if self.cents is None else Decimal(self.cents).scaleb(-2)


@dataclass(frozen=True)
class Report:
    transaction_id: str
    reported_at: datetime
    is_fraud: bool = True


@dataclass(frozen=True)
class Verdict:
    transaction_id: str
    decided_at: datetime
    verdict: str


@dataclass(frozen=True)
class Change:
    """A change of an entity; `content` stands for all that is versioned."""

    entity: str
    id: str
    changed_at: datetime
    content: str = "a"
    is_deleted: bool = False


@dataclass(frozen=True)
class Score:
    """The score of a transaction; an alert unless it is backfill or neither model nor rule says so."""

    transaction: Transaction
    score: float = 0.9
    rules_hit: tuple[str, ...] = ()
    is_backfill: bool = False
    threshold: float = 0.5

    @property
    def decision(self) -> str:
        return "fraud" if self.score > self.threshold or self.rules_hit else "genuine"

    @property
    def is_alert(self) -> bool:
        return self.decision == "fraud" and not self.is_backfill


Row = Transaction | Report | Verdict | Change | Score
CONTENT = {"customer": "city", "account": "currency", "merchant": "name", "terminal": "city"}
"""By entity, the versioned column that is filled."""

_NAMES = {Transaction: TRANSACTIONS, Report: FRAUD_REPORTS, Verdict: ALERT_VERDICTS, Score: TRANSACTION_SCORES}


def frames(lake: Lake, rows: Iterable[Row]) -> dict[str, DataFrame]:
    """The rows as frames of silver and gold tables, by the table's name; a frame for each table, even without rows."""
    rows = list(rows)
    made = {}
    for kind, table in _NAMES.items():
        values = [_values(row) for row in rows if isinstance(row, kind)]
        made[table.name] = _frame(lake, table, values)
    for entity, reference in BY_ENTITY.items():
        values = [_values(row) for row in rows if isinstance(row, Change) and row.entity == entity]
        made[reference.changes.name] = _digested(_frame(lake, reference.changes, values), reference)
    return made


def append(lake: Lake, rows: Iterable[Row]) -> None:
    """Appends the rows to their tables, as silver and scoring do."""
    rows = list(rows)
    touched = {_NAMES[type(row)] if type(row) in _NAMES else BY_ENTITY[row.entity].changes for row in rows}  # type: ignore[index, union-attr]
    made = frames(lake, rows)
    for table in touched:
        lake.append(made[table.name], table)


def _values(row: Row) -> dict[str, object]:
    match row:
        case Transaction():
            own = {name: value for name, value in vars(row).items() if name != "cents"}
            amounts = {"amount": row.amount_eur, "amount_eur": row.amount_eur, "currency": "EUR"}
            return own | amounts | {"event_date": row.event_time.date()}
        case Report() | Verdict():
            return dict(vars(row))
        case Change():
            return {
                BY_ENTITY[row.entity].key: row.id,
                "changed_at": row.changed_at,
                "is_deleted": row.is_deleted,
                CONTENT[row.entity]: row.content,
                "record_id": f"{row.content}{row.changed_at}{row.is_deleted}",
            }
        case Score():
            made = {name: getattr(row, name) for name in ("score", "threshold", "decision", "is_backfill")}
            return _values(row.transaction) | made | {"rules_hit": list(row.rules_hit)}


def _frame(lake: Lake, table: Table, values: list[dict[str, object]]) -> DataFrame:
    data = [tuple(row.get(name) for name in table.column_names) for row in values]
    return lake.spark.createDataFrame(data, schema_of(table))


def _digested(changes: DataFrame, reference: Reference) -> DataFrame:
    return DERIVATIONS[reference.changes.name](changes, USUAL).withColumn("accepted_at", F.lit(START))


def contents(lake: Lake, *tables: Table) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables by column, in the order of their keys; times are microseconds since 1970."""
    return {table.name: rows_of(lake.table(table), table) for table in tables}


def rows_of(frame: DataFrame, table: Table) -> list[dict[str, Any]]:
    """A frame's rows in the contract's columns and types, as `contents` has them."""
    typed = []
    for column in table.columns:
        value = F.col(column.name).cast(column.type)
        typed.append((F.unix_micros(value) if column.type == "timestamp" else value).alias(column.name))
    return [row.asDict() for row in frame.select(*typed).orderBy(*table.key).collect()]


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
