"""Tables of the schemas that every contract names, for tests that share one Spark server."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.checks.findings import Finding, failure
from common.contracts.table import Column, Table

SCHEMAS = ("bronze", "silver", "gold", "ops")


def drop_tables(spark: SparkSession) -> None:
    """Drops all tables and keeps their schemas.

    A thread of the server that has seen a schema before it was dropped and made again may find it no more: Hive 2.3's
    metastore client holds a store of its own for each thread.
    """
    for schema in SCHEMAS:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in spark.catalog.listTables(schema):
            kind = "VIEW" if table.tableType == "VIEW" else "TABLE"
            spark.sql(f"DROP {kind} IF EXISTS {schema}.{table.name}")


def pairs_table(name: str) -> Table:
    """A table in whose rows `one` and `other` are always written together, and equal."""
    columns = (
        Column("id", "bigint", "Key."),
        Column("one", "string", "Who wrote it."),
        Column("other", "string", "The same."),
    )
    return Table(f"gold.{name}", "Pairs.", "one pair", columns, key=("id",))


def pairs(spark: SparkSession, ids: range, text: str) -> DataFrame:
    return spark.range(ids.start, ids.stop).select("id", F.lit(text).alias("one"), F.lit(text).alias("other"))


def require(findings: Sequence[Finding]) -> None:
    """Raises what would end a run."""
    if (error := failure(findings)) is not None:
        raise error
