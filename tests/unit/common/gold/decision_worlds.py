"""Payments that come ahead and to silver, as scenarios of early decisions play them, without a query to make rows."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pyarrow as pa
from gold_worlds import at
from pyspark.sql import functions as F
from scoring_models import a_champion

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import REFUND, TRANSACTIONS
from common.features.transactions import INPUTS
from common.gold.early_decisions import ORDINAL, PATH, PURCHASED, Decisions
from common.ml.models_in_use import ModelsInUse
from common.storage.lake import Lake

Payment = dict[str, Any]


def payment(name: str, day: float, cents: int = 1000) -> Payment:
    """A payment of a customer, at a terminal, of its own for each letter that names begin with."""
    time_, letter = at(day), name[0]
    return {
        "transaction_id": name,
        "event_time": time_,
        "event_date": time_.astimezone(UTC).date(),
        "customer_id": f"C{letter}",
        "account_id": None,
        "merchant_id": "M1",
        "terminal_id": f"T{letter}",
        "amount_eur": Decimal(cents).scaleb(-2),
        "channel": "online",
        "country": "DE",
        "record_id": name,
        PURCHASED: True,
    }


def refund(name: str, day: float) -> Payment:
    """A payment that went back."""
    return {**payment(name, day), "kind": REFUND, PURCHASED: False}


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in INPUTS if name not in ("event_time", "event_date", "amount_eur")),
        ("event_time", pa.timestamp("us", "UTC")),
        ("event_date", pa.date32()),
        ("amount_eur", pa.decimal128(18, 2)),
        (PATH, pa.string()),
        (ORDINAL, pa.int64()),
        (PURCHASED, pa.bool_()),
    ]
)


def ahead(*payments: Payment, path: str = "topic/0", first: int = 0) -> pa.Table:
    """Records that came ahead, each behind the other in one partition."""
    rows = [{**row, PATH: path, ORDINAL: number} for number, row in enumerate(payments, first)]
    return pa.Table.from_pylist(rows, SCHEMA)


def accepted(lake: Lake, *payments: Payment) -> pa.Table:
    """Rows that silver has now, as its stream brings them."""
    rows = [tuple(row.get(name) for name in TRANSACTIONS.column_names) for row in payments]
    lake.append(lake.spark.createDataFrame(rows, schema_of(TRANSACTIONS)), TRANSACTIONS)
    return pa.Table.from_pylist(payments, SCHEMA)


def scored(lake: Lake, *names: str) -> dict[str, Any]:
    """The rows of these transactions as they were written, without the time; of all where there is no name."""
    rows = lake.table(TRANSACTION_SCORES).drop("scored_at")
    found = (rows.where(F.col("transaction_id").isin(*names)) if names else rows).collect()
    by_name = {row["transaction_id"]: row.asDict(recursive=True) for row in found}
    assert len(by_name) == len(found), "one is there twice"
    return by_name


def a_process() -> Decisions:
    return Decisions(ModelsInUse(a_champion()))
