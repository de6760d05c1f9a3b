"""Delta tables to PostgreSQL: the first delivery of 300,000 and of 1.5 million transactions, and an update of 1,000."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import functions as F

from benchmarks.measured import REPOSITORY, at_most, show, temporary_lake
from common.contracts.gold import TRANSACTION_SCORES
from common.publish.writers.postgres import PostgresTables
from common.sources.feed import silent
from common.storage.lake import Lake

SIZES = {300_000: 8, 1_500_000: 40}
"""Rows, and the seconds that their first delivery may take."""
CHANGED, CHANGED_SECONDS = 1_000, 2


def main() -> None:
    """Synthetic transactions of 120 days; one in 200 is fraud, so that both tables are filled.

    Spark is warm, as it is after the tasks before: a small delivery, which isn't measured, goes first.
    """
    goals = []
    with _server() as server, temporary_lake() as lake:
        output = _output(server)
        for rows, seconds in {CHANGED: 0, **SIZES}.items():
            _fill(lake, rows)
            server.execute("DROP DATABASE IF EXISTS warehouse", "CREATE DATABASE warehouse")
            if not seconds:
                _delivered(lake, output, rows)
                _change(lake, rows)
                _delivered(lake, output, rows)
                continue
            goals.append(at_most(f"first delivery of {rows:,} rows", _delivered(lake, output, rows), seconds, "s"))
            _change(lake, rows)
            changed = _delivered(lake, output, CHANGED)
            goals.append(at_most(f"an update of {CHANGED:,} of them", changed, CHANGED_SECONDS, "s"))
            goals.append(at_most("nothing new", _delivered(lake, output, 0), CHANGED_SECONDS, "s"))
            started = time.perf_counter()
            assert all(finding.passed for finding in output.findings(lake))
            goals.append(at_most("the check of all rows there", time.perf_counter() - started, seconds, "s"))
    show("gold.transaction_scores to PostgreSQL", goals)


def _delivered(lake: Lake, output: PostgresTables, rows: int) -> float:
    started = time.perf_counter()
    done = output.deliver(lake, silent)
    seconds = time.perf_counter() - started
    if failed := [delivery.failure for delivery in done if delivery.failure]:
        sys.exit("\n".join(failed))
    assert sum((delivery.rows_written or 0) for delivery in done) == rows
    return seconds


def _fill(lake: Lake, rows: int) -> None:
    lake.spark.sql(f"DROP TABLE IF EXISTS {lake.full_name(TRANSACTION_SCORES)}")
    lake.ensure(TRANSACTION_SCORES)
    is_fraud = F.col("id") % 200 == 0
    made = {
        "transaction_id": F.format_string("T%012d", "id"),
        "event_time": F.timestamp_seconds(1_750_000_000 + F.col("id") * (120 * 86_400) / rows),
        "customer_id": F.format_string("C%06d", F.col("id") % 5_000),
        "account_id": F.format_string("A%06d", F.col("id") % 8_000),
        "merchant_id": F.format_string("M%05d", F.col("id") % 700),
        "terminal_id": F.format_string("P%05d", F.col("id") % 1_600),
        "amount_eur": (F.col("id") % 10_007).cast("decimal(18,2)") / 7,
        "score": (F.col("id") % 997) / 997,
        "threshold": F.lit(0.06419),
        "decision": F.when(is_fraud, "fraud").otherwise("genuine"),
        "rules_hit": F.when(is_fraud, F.array(F.lit("velocity"), F.lit("new_country"))).otherwise(F.array()),
        "reasons": F.when(is_fraud, F.array(F.lit("9 payments in an hour"), F.lit("A new country"))).otherwise(
            F.array()
        ),
        "model_version": F.lit("1"),
        "is_backfill": F.lit(False),
        "scored_at": F.lit("2026-01-05").cast("timestamp"),
    }
    frame = lake.spark.range(rows).withColumns(made).withColumn("event_date", F.to_date("event_time"))
    columns = [
        (F.col(c.name) if c.name in frame.columns else F.lit(None)).cast(c.type).alias(c.name)
        for c in TRANSACTION_SCORES.columns
    ]
    lake.append(frame.select(*columns), TRANSACTION_SCORES)


def _change(lake: Lake, rows: int) -> None:
    """One in every so many is scored again; half a percent of them are fraud."""
    step = rows // CHANGED
    number = "cast(substring(transaction_id, 2) AS bigint)"
    table = lake.full_name(TRANSACTION_SCORES)
    lake.spark.sql(f"UPDATE {table} SET score = 1 - score WHERE {number} % {step} = 0").collect()


def _output(server: Any) -> PostgresTables:
    names = ("fraud_transactions", "genuine_transactions")
    return PostgresTables.model_validate(
        {
            "name": "warehouse",
            "description": "Both tables of transactions, as shipped.",
            "writer": "postgres",
            "connections": {"warehouse": server.connection("warehouse")},
            "connection": "warehouse",
            "schema": "fraud",
            "owner": "fraud_owner",
            "readers": ["fraud_analysts"],
            "tables": {name: {"from": f"gold.{name}", "indexes": [["customer_id"]]} for name in names},
        }
    )


@contextmanager
def _server() -> Iterator[Any]:
    sys.path.insert(0, str(REPOSITORY / "tests"))
    from servers.postgres import Postgres

    server = Postgres(options={"max_wal_size": "2GB"})
    try:
        yield server.start()
    finally:
        server.remove()


if __name__ == "__main__":
    main()
