"""How tables lie in files: how many, how large, and put in order."""

from dataclasses import dataclass

from common.contracts.ddl import analyze_table
from common.contracts.registry import LAYERS, all_tables
from common.storage.conflicts import retried
from common.storage.lake import Lake


@dataclass(frozen=True)
class Size:
    """What the newest version of a table is made of."""

    files: int
    bytes: int


def table_names(lake: Lake) -> list[str]:
    """Every table of the lakehouse's schemas, as `schema.table`; views are none."""
    schemas = {row[0] for row in lake.spark.sql(f"SHOW SCHEMAS IN {lake.settings.catalog}").collect()}
    return [
        f"{schema}.{table.name}"
        for schema in LAYERS
        if lake.settings.schema(schema) in schemas
        for table in sorted(lake.spark.catalog.listTables(lake.settings.table(schema)), key=lambda table: table.name)
        if table.tableType != "VIEW" and not table.isTemporary
    ]


def size(lake: Lake, table: str) -> Size:
    """Files and bytes of the table's newest version."""
    row = lake.spark.sql(f"DESCRIBE DETAIL {lake.full_name(table)}").collect()[0]
    return Size(int(row["numFiles"]), int(row["sizeInBytes"]))


def optimize(lake: Lake, table: str) -> None:
    """Puts many small files together into few, by the table's clustering where it has one. Streams don't see it."""
    retried(lambda: lake.spark.sql(f"OPTIMIZE {lake.full_name(table)}").collect())


def gather_statistics(lake: Lake, table: str) -> None:
    """Statistics for the optimizer, where Unity Catalog keeps them; open-source Spark refuses them of Delta tables.

    A table without a contract has none, as nothing says which of its columns are personal.
    """
    contract = next((known for known in all_tables() if known.name == table), None)
    if contract is not None and lake.settings.platform.has_unity_catalog:
        lake.spark.sql(analyze_table(contract, lake.full_name(table)))
