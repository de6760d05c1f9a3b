"""gold.dim_customer, dim_account, dim_merchant, dim_terminal: silver's versions, each under a surrogate key.

Versions are derived from the accepted changes, by the same function as silver's histories. A history is merged a
moment after its changes are there; derived from the changes, a dimension can't miss what a batch has seen.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.reference import Reference
from common.contracts.star import DIM_DATE, DIMENSIONS, UNKNOWN_KEY, surrogate
from common.contracts.table import Table
from common.silver.history import versions
from common.storage.difference import difference
from common.storage.lake import Lake, Once


def surrogate_key(reference: Reference) -> Column:
    """A version's key: the first 60 bits of the MD5 digest of natural key, valid_from (microseconds) and content_hash.

    Positive, so that no version has the unknown member's key, and computed alike by any engine.
    """
    valid_from = F.unix_micros("valid_from").cast("string")
    digest = F.md5(F.concat_ws("|", F.col(reference.key), valid_from, F.col("content_hash")))
    return F.conv(F.substring(digest, 1, 15), 16, 10).cast("bigint")


def dimension_rows(history: DataFrame, reference: Reference) -> DataFrame:
    """Rows of the entity's dimension for versions of silver's history."""
    keyed = history.withColumn(surrogate(reference), surrogate_key(reference))
    return keyed.select(*DIMENSIONS[reference.entity].column_names)


def update_dimensions(lake: Lake, ids: Mapping[Reference, DataFrame]) -> None:
    """Derives the versions of ids again and merges the difference; versions that are gone are deleted.

    Args:
        lake: where the tables are.
        ids: by kind of reference data, natural keys, each once. The dimensions of all kinds are one query.

    """
    if ids:
        lake.apply_all(
            {DIMENSIONS[reference.entity]: _difference(lake, reference, ids[reference]) for reference in ids}
        )


def _difference(lake: Lake, reference: Reference, ids: DataFrame) -> DataFrame:
    table = DIMENSIONS[reference.entity]
    changes = lake.table(reference.changes).join(ids, reference.key, "left_semi")
    existing = lake.table(table).join(ids, reference.key, "left_semi")
    return difference(dimension_rows(versions(changes, reference), reference), existing, table)


def add_unknown_members(lake: Lake) -> None:
    """Adds the unknown member to each dimension that lacks it."""
    lacking = _without_unknown_member(lake, [*DIMENSIONS.values(), DIM_DATE])
    # Versions first, then the look that counts: of two processes that find the same version without it, one adds it.
    # A version that was read after the look could be the one that the other process has made.
    looked_at = {table.name: lake.version(table) for table in lacking}
    for table in _without_unknown_member(lake, lacking):
        lake.append(_unknown_member(lake, table), table, Once("unknown member", looked_at[table.name]))


def _without_unknown_member(lake: Lake, tables: list[Table]) -> list[Table]:
    if not tables:
        return []
    found = [lake.table(t).where(F.col(t.key[0]) == UNKNOWN_KEY).select(F.lit(t.name).alias("name")) for t in tables]
    there = {row["name"] for row in reduce(DataFrame.union, found).collect()}
    return [table for table in tables if table.name not in there]


def _unknown_member(lake: Lake, table: Table) -> DataFrame:
    known = {table.key[0]: UNKNOWN_KEY, "is_current": True, "is_deleted": False}
    columns = [F.lit(known.get(column.name)).cast(column.type).alias(column.name) for column in table.columns]
    return lake.spark.range(1).select(*columns)
