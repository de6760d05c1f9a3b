"""A Delta table that is a list of versions in memory, and tables served of it: the engine without Spark."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from common.contracts.table import Column, Table, View
from common.publish.postgres.access import Place
from common.publish.postgres.delta import NoFeedError
from common.publish.postgres.served import Reader, ServedTable, served_table
from common.storage.table_state import TableState

PAYMENTS = Table(
    name="gold.payments",
    comment="Payments.",
    grain="one payment",
    key=("payment_id",),
    columns=(
        Column("payment_id", "string", "The payment."),
        Column("customer_id", "string", "Who paid."),
        Column("amount", "decimal(18,2)", "In euro."),
        Column("decision", "string", "fraud or genuine."),
        Column("email", "string", "Where receipts go.", personal=True),
    ),
    change_feed=True,
)
FRAUD = View("gold.fraud", "Fraud.", PAYMENTS, "decision = 'fraud'")
GENUINE = View("gold.genuine", "No fraud.", PAYMENTS, "decision = 'genuine'")
PLACE = Place("fraud", "fraud_owner", ("analysts", "support"))

Row = tuple[str, str, str, str]
SCHEMA = pa.schema(
    [
        ("payment_id", pa.string()),
        ("customer_id", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("decision", pa.string()),
    ]
)


def served(view: View, **options: Any) -> ServedTable:
    """The view's table, which analysts may read."""
    names = ("payment_id", "customer_id", "amount", "decision")
    return served_table(
        view.name.split(".")[1], view, columns=names, **({"readers": {"analysts": Reader(names)}} | options)
    )


@dataclass
class MadeVersions:
    """Versions of gold.payments, each all of its rows by key; what a Source is asked of the newest one."""

    versions: list[dict[str, Row]] = field(default_factory=list)
    table_id: str = "one"
    has_feed: bool = True
    has_log: bool = False
    reads: list[str] = field(default_factory=list)
    later: "MadeVersions | None" = None
    """The same table as it is after this one was asked for its state."""

    def commit(self, rows: Sequence[Row]) -> None:
        self.versions.append({row[0]: row for row in rows})

    @property
    def state(self) -> TableState:
        return TableState(len(self.versions) - 1, f"{self.table_id} {len(self.versions) - 1}")

    def newest(self) -> "MadeVersions":
        return self.later or self

    def has(self, state: TableState) -> bool:
        return self.has_log and state.commit == f"{self.table_id} {state.version}"

    def rows(self, table: ServedTable) -> Iterator[pa.RecordBatch]:
        self.reads.append("all")
        yield from batches(list(self.kept(table).values()))

    def changes(self, table: ServedTable, since: int) -> Iterator[pa.RecordBatch]:
        self.reads.append("changes")
        before, now = self.kept(table, since), self.kept(table)
        came = [row for key, row in now.items() if before.get(key) != row]
        went = [row for key, row in before.items() if key not in now]
        for batch in batches(came + went):
            if not self.has_feed:
                raise NoFeedError("vacuumed")
            gone = pa.array([key not in now for key in batch["payment_id"].to_pylist()])
            yield batch.append_column("gone", gone)
        if not self.has_feed:
            raise NoFeedError("vacuumed")

    def kept(self, table: ServedTable, version: int = -1) -> dict[str, Row]:
        """The rows that a table serves, by key."""
        return {key: row for key, row in self.versions[version].items() if f"'{row[3]}'" in table.condition}


def batches(rows: Sequence[Row], size: int = 2) -> Iterator[pa.RecordBatch]:
    """The rows in batches of Arrow."""
    from decimal import Decimal

    for start in range(0, len(rows), size):
        ids, customers, amounts, decisions = zip(*rows[start : start + size], strict=True)
        columns = [ids, customers, [Decimal(amount) for amount in amounts], decisions]
        yield pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
