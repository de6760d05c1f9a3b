"""How fast the handbook's transactions go from silver to scores: catching up with all that is there.

    python -m benchmarks.catch_up [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files. Measured is the scoring stream's own function, in one
micro-batch: all features, model, rules, decision, reasons of alerts, and rows inserted by key. A first small batch
warms the engine up.
"""

import time
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.features import cpu_micros, silver_tables
from benchmarks.known_champion import champion
from benchmarks.measured import Goal, Measured, at_least, handbook_folder, show, show_cpu, temporary_lake
from benchmarks.processes import Watch
from common.contracts.silver import FRAUD_REPORTS, TRANSACTIONS
from common.contracts.table import Table
from common.gold.transaction_scores import score_new
from common.storage.lake import Lake

WARM_UP_BEFORE = "2018-04-02"
"""The first day's transactions are the warm-up."""


def in_columns_of(table: Table, rows: DataFrame) -> DataFrame:
    """The rows in the table's columns; null where they have none."""
    there = set(rows.columns)
    columns = {c.name: F.col(c.name) if c.name in there else F.lit(None) for c in table.columns}
    return rows.select(*(columns[column.name].cast(column.type).alias(column.name) for column in table.columns))


def fill_silver(lake: Lake, files: Path) -> None:
    """Adds all fraud reports, and the transactions of the warm-up."""
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS)
    reports = lake.spark.read.parquet(str(files / "fraud_reports.parquet"))
    lake.append(in_columns_of(FRAUD_REPORTS, reports), FRAUD_REPORTS)
    add_transactions(lake, files, f"event_date < '{WARM_UP_BEFORE}'")


def add_transactions(lake: Lake, files: Path, condition: str) -> None:
    """Adds the transactions that fulfil the condition, as one commit."""
    rows = lake.spark.read.parquet(str(files / "transactions.parquet")).where(condition)
    lake.append(in_columns_of(TRANSACTIONS, rows), TRANSACTIONS)


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    source = handbook_folder()
    model = champion(source)
    with temporary_lake() as lake:
        home = lake.settings.home
        (files := home / "prepared").mkdir()
        silver_tables(source, files)
        fill_silver(lake, files)
        score_new(lake, model)
        add_transactions(lake, files, f"event_date >= '{WARM_UP_BEFORE}'")
        watch, started = Watch(home), time.perf_counter()
        result = score_new(lake, model)
        rows = result.rows_out or 0
        seconds, cpu_seconds = time.perf_counter() - started, watch.stop()
    run = Measured(seconds, watch.peak_bytes, cpu_seconds)
    show(
        f"Catch-up: {rows:,} transactions from silver to scores, {result.facts['alerts']:,} alerts",
        [
            at_least("silver to scores", rows / seconds, 25_000, "transactions/s"),
            Goal("CPU of all processes", f"{cpu_micros(run, rows):,.1f} microseconds a transaction", "", None),
        ],
    )
    show_cpu("What it took", {"catch-up": run})


if __name__ == "__main__":
    main()
