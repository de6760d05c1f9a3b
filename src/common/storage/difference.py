"""What a part of a table should be, against what it is: only the difference is written."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.storage.lake import Lake


def merge_difference(lake: Lake, derived: DataFrame, existing: DataFrame, table: Table) -> None:
    """Makes the rows `existing` of a table equal to `derived`: inserts, updates and deletes what differs, by the key.

    Without a difference nothing is written, so that a batch that is run again leaves the table's version as it is.

    Args:
        lake: where the table is.
        derived: what the rows should be, in the contract's columns; their types are made the contract's.
        existing: the part of the table that `derived` speaks of.
        table: its contract.

    """
    lake.apply_changes(difference(derived, existing, table), table)


def difference(derived: DataFrame, existing: DataFrame, table: Table) -> DataFrame:
    """The rows, each with its `operation`, that make `existing` equal to `derived`: what `merge_difference` writes."""
    typed = [F.col(column.name).cast(column.type).alias(column.name) for column in table.columns]
    wanted = derived.select(F.struct(*typed).alias("_wanted"))
    there = existing.select(F.struct(*table.column_names).alias("_there"))
    same = [F.col(f"_wanted.{name}").eqNullSafe(F.col(f"_there.{name}")) for name in table.key]
    differing = wanted.join(there, same, "full").where(~F.col("_wanted").eqNullSafe(F.col("_there")))
    operation = F.when(F.col("_wanted").isNull(), "delete").when(F.col("_there").isNull(), "insert")
    return differing.select(
        operation.otherwise("upsert").alias("operation"), F.inline(F.array(F.coalesce("_wanted", "_there")))
    )
