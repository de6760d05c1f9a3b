"""Tables of the schemas that every contract names, for tests that share one Spark server."""

from pyspark.sql import SparkSession

SCHEMAS = ("bronze", "silver", "gold", "ops")


def drop_tables(spark: SparkSession) -> None:
    """Drops all tables and keeps their schemas.

    A thread of the server that has seen a schema before it was dropped and made anew may find it no more: Hive 2.3's
    metastore client holds a store of its own for each thread.
    """
    for schema in SCHEMAS:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in spark.catalog.listTables(schema):
            kind = "VIEW" if table.tableType == "VIEW" else "TABLE"
            spark.sql(f"DROP {kind} IF EXISTS {schema}.{table.name}")
