"""gold.fact_transaction: each transaction with the versions of its dimensions that were valid then.

A change made at c leaves what was valid before c alone: the version at t < c, its content and valid_from follow from
the changes up to t. So a change, however late it arrives, concerns the facts of its id from c on and no others.
"""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import BY_ENTITY
from common.contracts.star import DIMENSION_KEYS, DIMENSIONS, FACT_TRANSACTION, UNKNOWN_KEY, surrogate
from common.gold.dim_date import date_key
from common.storage.lake import Lake, Once

FROM_SILVER = tuple(name for name in FACT_TRANSACTION.column_names if name != "date_key" and name not in DIMENSION_KEYS)
"""The columns that a fact takes over from silver.transactions."""


def transaction_facts(lake: Lake, transactions: DataFrame) -> DataFrame:
    """Rows of gold.fact_transaction for transactions of silver, by the dimensions of this moment."""
    return _with_keys(lake, transactions).select(*FACT_TRANSACTION.column_names)


def _with_keys(lake: Lake, rows: DataFrame) -> DataFrame:
    """The rows with their date's key, and for each dimension the key of the version that was valid at event_time."""
    rows = rows.drop(*DIMENSION_KEYS).withColumn("date_key", date_key(F.col("event_date")))
    for entity, reference in BY_ENTITY.items():
        versions = lake.table(DIMENSIONS[entity]).alias("version")
        joined = rows.alias("fact").join(versions, F.expr(reference.valid_at_event("fact", "version")), "left")
        key = F.coalesce(f"version.{surrogate(reference)}", F.lit(UNKNOWN_KEY))
        rows = joined.select("fact.*", key.alias(surrogate(reference)))
    return rows


def concerned_facts(lake: Lake, changes: Mapping[str, DataFrame], since: datetime) -> DataFrame:
    """The facts in the table that changes concern: those of a changed id, from its earliest change on.

    Args:
        lake: where the table is.
        changes: by entity, natural key and changed_at of the changes that arrived.
        since: the earliest changed_at of them all; facts of earlier dates aren't read.

    """
    rows = lake.table(FACT_TRANSACTION).where(F.col("event_date") >= F.lit(since.date()))
    is_concerned = F.lit(False)
    for entity, changed in changes.items():
        key, earliest = BY_ENTITY[entity].key, f"_{entity}_since"
        ids = changed.groupBy(F.col(key).alias("_id")).agg(F.min("changed_at").alias(earliest))
        rows = rows.join(ids, F.col(key) == F.col("_id"), "left").drop("_id")
        is_concerned = is_concerned | F.coalesce(F.col("event_time") >= F.col(earliest), F.lit(False))
    return rows.where(is_concerned).select(*FACT_TRANSACTION.column_names)


def mended_facts(lake: Lake, concerned: DataFrame) -> DataFrame:
    """The facts with the keys that they should have, and whether those differ from the ones they have (`differs`)."""
    keys = F.struct(*DIMENSION_KEYS)
    mended = _with_keys(lake, concerned.withColumn("_existing", keys))
    return mended.select(*FACT_TRANSACTION.column_names, (~keys.eqNullSafe(F.col("_existing"))).alias("differs"))


def write_facts(lake: Lake, mended: DataFrame | None, new: DataFrame | None, once: Once) -> None:
    """Updates mended facts whose keys differ, then adds those of new transactions that the table doesn't hold."""
    if mended is not None:
        differing = mended.where("differs")
        if not differing.isEmpty():
            lake.apply_changes(differing.withColumn("operation", F.lit("upsert")), FACT_TRANSACTION)
    if new is not None:
        lake.insert_new(transaction_facts(lake, new), FACT_TRANSACTION, once, scope_of=new)
