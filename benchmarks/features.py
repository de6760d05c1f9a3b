"""How fast the features of the handbook's 1.5 million transactions are, beside plain Spark SQL windows.

    python -m benchmarks.features [FOLDER]

FOLDER (or HANDBOOK_DATA) holds the handbook's Parquet files. Both ways read the same Delta tables and write a Delta
table, in turns, and the best of each counts: other work on the machine only ever adds time. The plain way is what
a person would write: range windows over unix seconds, in doubles, that know neither ties nor when a report came in.
It has the 12 windows that the features began with; how many each way computes stands beside the CPU that it takes.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console
from rich.table import Table

from benchmarks.measured import Measured, handbook_folder
from benchmarks.processes import Watch
from common.contracts.features import FEATURES

ROUNDS = 3
PLAIN_FEATURES = 12
GOAL_RATIO = 1.3

PLAIN_SQL = """
SELECT transaction_id, event_time, customer_id, terminal_id, amount_eur, {customers}, {terminals}
FROM (SELECT t.*, CAST(amount_eur AS DOUBLE) AS amount_double, unix_timestamp(event_time) AS seconds,
             IF(r.transaction_id IS NULL, 0, 1) AS is_fraud
      FROM {transactions} t LEFT JOIN {fraud_reports} r ON t.transaction_id = r.transaction_id)
"""


def plain_sql(transactions: str, fraud_reports: str) -> str:
    """The baseline: count and mean by customer, count and frauds by terminal a week late, over 1, 7 and 30 days."""
    day, delay = 86_400, 7 * 86_400
    frame = "(PARTITION BY {key} ORDER BY seconds RANGE BETWEEN {start} PRECEDING AND {end} PRECEDING)"
    customers, terminals = [], []
    for days in (1, 7, 30):
        over = frame.format(key="customer_id", start=days * day - 1, end=0).replace("0 PRECEDING)", "CURRENT ROW)")
        customers += [f"COUNT(*) OVER {over} AS cc_{days}", f"AVG(amount_double) OVER {over} AS cm_{days}"]
        over = frame.format(key="terminal_id", start=delay + days * day - 1, end=delay)
        terminals += [f"COUNT(*) OVER {over} AS tc_{days}", f"SUM(is_fraud) OVER {over} AS tf_{days}"]
    return PLAIN_SQL.format(
        customers=", ".join(customers),
        terminals=", ".join(terminals),
        transactions=transactions,
        fraud_reports=fraud_reports,
    )


def silver_tables(source: Path, folder: Path) -> dict[str, int]:
    """The handbook's rows as silver has them, as Parquet in `folder`; rows by table."""
    rows = ds.dataset(source, format="parquet").to_table(
        columns=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]
    )
    text = {name: rows[name].cast(pa.string()) for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID")}
    times = rows["TX_DATETIME"].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    transactions = pa.table(
        {
            "transaction_id": text["TRANSACTION_ID"],
            "event_time": times,
            "event_date": times.cast(pa.date32()),
            "customer_id": text["CUSTOMER_ID"],
            "account_id": pa.nulls(rows.num_rows, pa.string()),
            "terminal_id": text["TERMINAL_ID"],
            "amount_eur": pc.round(rows["TX_AMOUNT"], 2).cast(pa.decimal128(18, 2)),
            **{name: pa.nulls(rows.num_rows, pa.string()) for name in ("country", "channel", "merchant_id")},
        }
    )
    frauds = pc.equal(rows["TX_FRAUD"], 1)
    reports = pa.table(
        {
            "transaction_id": text["TRANSACTION_ID"],
            "is_fraud": frauds,
            "reported_at": pc.add(times, pa.scalar(7 * 86_400_000_000, pa.duration("us"))),
        }
    ).filter(frauds)
    tables = {"transactions": transactions, "fraud_reports": reports}
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=131_072)
    return {name: table.num_rows for name, table in tables.items()}


def measured(work: Callable[[], object], home: Path) -> Measured:
    """What the work takes, of all processes of the workspace."""
    watch, started = Watch(home), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Measured(seconds, watch.peak_bytes, watch.stop())


def cpu_micros(run: Measured, rows: int) -> float:
    """Microseconds of CPU a row."""
    return 1e6 * sum(spent for kind, spent in run.cpu_seconds.items() if kind != "compilers") / rows


def measure(spark: SparkSession, database: str, folder: Path) -> dict[str, list[Measured]]:
    """What each way takes, round by round, from Delta tables to one in `database`; `folder` is the workspace."""
    from common.features.transactions import transaction_features

    for name in ("transactions", "fraud_reports"):
        frame = spark.read.parquet(str(folder / f"{name}.parquet"))
        frame.write.format("delta").saveAsTable(f"{database}.{name}")
    transactions, reports = f"{database}.transactions", f"{database}.fraud_reports"
    ways: dict[str, Callable[[], DataFrame]] = {
        "plain SQL": lambda: spark.sql(plain_sql(transactions, reports)),
        "features, all at once": lambda: transaction_features(
            (everything := spark.table(transactions)), everything, spark.table(reports)
        ),
        "features, as one new batch": lambda: transaction_features(
            spark.table(transactions), spark.table(transactions), spark.table(reports)
        ),
    }

    def write(frame: Callable[[], DataFrame]) -> None:
        frame().write.format("delta").mode("overwrite").saveAsTable(f"{database}.result_{uuid4().hex[:8]}")

    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    for round_number in range(ROUNDS):
        order = list(ways) if round_number % 2 == 0 else list(ways)[::-1]
        for name in order:
            runs[name].append(measured(lambda frame=ways[name]: write(frame), folder))  # type: ignore[misc]
    return runs


def report(runs: dict[str, list[Measured]], rows: int) -> Table:
    """What was measured, each against its goal."""
    best = {name: min(run.seconds for run in of_way) for name, of_way in runs.items()}
    plain = best["plain SQL"]
    table = Table(title=f"Features of {rows:,} transactions, written to Delta (best of {ROUNDS})")
    for heading in ("way", "features", "seconds", "rows/s", "all rounds", "CPU us a row", "ratio", "goal", "met"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, value in best.items():
        is_baseline = name == "plain SQL"
        table.add_row(
            name,
            str(PLAIN_FEATURES if is_baseline else len(FEATURES)),
            f"{value:.1f}",
            f"{rows / value:,.0f}",
            " ".join(f"{each.seconds:.1f}" for each in runs[name]),
            f"{min(cpu_micros(each, rows) for each in runs[name]):.1f}",
            f"{value / plain:.2f}",
            "" if is_baseline else f"<= {GOAL_RATIO}",
            "" if is_baseline else ("yes" if value / plain <= GOAL_RATIO else "NO"),
        )
    return table


def main() -> None:
    """Measures and prints; says why where the data are absent."""
    source = handbook_folder()
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as home:
        os.environ["LAKEHOUSE_HOME"] = home
        from common.session import spark_session

        rows = silver_tables(source, Path(home))
        spark = spark_session()
        database = f"bench_{uuid4().hex[:8]}"
        spark.sql(f"CREATE DATABASE {database}")
        try:
            runs = measure(spark, database, Path(home))
        finally:
            spark.sql(f"DROP DATABASE {database} CASCADE")
            spark.stop()
    Console(width=110).print(report(runs, rows["transactions"]))


if __name__ == "__main__":
    main()
