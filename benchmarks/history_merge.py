"""How long 100,000 changes take into a history of 1 million versions, beside a bare Delta MERGE of the same rows.

    python -m benchmarks.history_merge

The bare MERGE gets the rows that the change to the history comes to, ready in a file: what it takes is Delta's own
time. Both work on tables of the same content, in turns, and the best of each counts.
"""

import time
from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.measured import Goal, at_most, show, temporary_lake

ACCOUNTS = 500_000
CHANGES = 100_000
ROUNDS = 3


def main() -> None:
    """Measures and prints."""
    from common.contracts.silver import ACCOUNT
    from common.silver.derive import DERIVATIONS
    from common.silver.history import rebuild_history, versions
    from common.sources.value_format import USUAL

    with temporary_lake() as lake:

        def changes(first_record: int, number: int, day: int) -> DataFrame:
            rows = lake.spark.range(first_record, first_record + number).select(
                F.format_string("A%07d", F.col("id") * 7919 % ACCOUNTS).alias("account_id"),
                F.lit("C1").alias("customer_id"),
                F.lit("EUR").alias("currency"),
                (F.col("id") % 9000 + 100).cast("decimal(18,2)").alias("credit_limit"),
                F.lit(None).cast("decimal(18,2)").alias("balance"),
                F.lit(None).cast("boolean").alias("is_deleted"),
                (F.lit("2025-01-01").cast("timestamp") + F.make_interval(days=F.lit(day))).alias("changed_at"),
                F.concat(F.lit("r"), F.col("id")).alias("record_id"),
                F.current_timestamp().alias("accepted_at"),
            )
            return DERIVATIONS[ACCOUNT.changes.name](rows, USUAL)

        lake.ensure(ACCOUNT.changes, ACCOUNT.history)
        lake.append(changes(0, ACCOUNTS, 0), ACCOUNT.changes)
        lake.append(changes(ACCOUNTS, ACCOUNTS, 10), ACCOUNT.changes)
        lake.append(versions(lake.table(ACCOUNT.changes), ACCOUNT), ACCOUNT.history)
        existing = lake.table(ACCOUNT.history).count()

        seconds: dict[str, list[float]] = {"history": [], "bare": []}
        for number in range(ROUNDS):
            before = lake.version(ACCOUNT.history)
            new = changes(2 * ACCOUNTS + number * CHANGES, CHANGES, 20 + number)

            def with_history(new: DataFrame = new) -> None:
                lake.insert_new(new, ACCOUNT.changes)
                rebuild_history(lake, ACCOUNT, new.select("account_id").distinct())

            seconds["history"].append(_timed(with_history))
            files = lake.settings.home / f"difference-{number}"
            select = f"SELECT * FROM {lake.full_name(ACCOUNT.history)} VERSION AS OF {before}"
            lake.table(ACCOUNT.history).exceptAll(lake.spark.sql(select)).write.parquet(str(files))
            # In SQL: a writer's clusterBy reaches Delta over Spark Connect as a partitioning, which it refuses.
            lake.spark.sql(f"CREATE TABLE silver.bare_{number} USING delta CLUSTER BY ({ACCOUNT.key}) AS {select}")
            lake.spark.read.parquet(str(files)).createOrReplaceTempView("difference")
            same = " AND ".join(f"t.{name} <=> s.{name}" for name in ACCOUNT.history.key)
            seconds["bare"].append(
                _timed(
                    lambda number=number, same=same: lake.spark.sql(  # type: ignore[misc]
                        f"MERGE INTO silver.bare_{number} t USING difference s ON {same} "
                        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
                    ).collect()
                )
            )
    best = {name: min(values) for name, values in seconds.items()}
    shown = {name: " ".join(f"{value:.1f}" for value in values) for name, values in seconds.items()}
    show(
        f"{CHANGES:,} changes into {existing:,} versions",
        [
            Goal("accepted, history derived and merged", f"{shown['history']} s", "", None),
            Goal("bare MERGE of the difference", f"{shown['bare']} s", "", None),
            at_most("history / bare MERGE", best["history"] / best["bare"], 1.5, "times"),
        ],
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
