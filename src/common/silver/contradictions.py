"""Contradictions: records whose key is held already, with other content.

They are refused as conflicts rather than passed over as duplicates: one of the two must be wrong.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.checks.rows import FAILED_CHECKS_TYPE, PERSONAL_VALUE, reason, shown
from common.contracts.bronze import bronze_table
from common.contracts.table import Column as ContractColumn
from common.contracts.table import Table
from common.silver.conform import BRONZE
from common.silver.verdicts import is_fine
from common.storage.lake import Lake

CONFLICT = "conflict"
"""Name of the check that a record fails whose key is held with other content."""


def contradictions(lake: Lake, staged: DataFrame, table: Table, feed: str) -> DataFrame:
    """The staged records that differ from the row which holds their key, with that as their failed check.

    Their payload, which staging leaves out, is read from bronze again. To be called when the batch's accepted rows
    are in the table: of two records in one batch that contradict each other, the first is accepted.

    Returns:
        The columns of `staged`.
    """
    content = [column.name for column in table.mappable if column.name not in table.lookup_key]
    if not content:
        return staged.where("false")
    held = lake.held(staged.where(is_fine()), table).select(
        F.col("record_id").alias("_holder"),
        *(F.col(name).alias(f"_held_{name}") for name in (*table.lookup_key, *content)),
    )
    same_key = [is_fine(), *(F.col(key).eqNullSafe(F.col(f"_held_{key}")) for key in table.lookup_key)]
    differing = [F.when(~F.col(n).eqNullSafe(F.col(f"_held_{n}")), _difference(table.column(n))) for n in content]
    refused = (
        staged.join(held, same_key)
        .where(F.col("_holder") != F.col(f"{BRONZE}.record_id"))
        .withColumn("_differences", F.array_compact(F.array(*differing)))
        .where(F.size("_differences") > 0)
        .withColumn("failed_checks", F.array(_conflict(table)).cast(FAILED_CHECKS_TYPE))
        .select(*staged.columns)
    )
    return _with_payload(lake, refused, feed)


def _difference(column: ContractColumn) -> Column:
    # The value that is held may be another person's: the reason names the record that has it instead.
    value = F.lit(PERSONAL_VALUE) if column.personal else shown(F.col(column.name))
    return F.concat(F.lit(f"{column.name} is "), value, F.lit(" here"))


def _conflict(table: Table) -> Column:
    key = F.concat_ws(", ", *(F.concat(F.lit(f"{name}="), shown(F.col(name))) for name in table.key))
    differences = F.concat_ws("; ", "_differences")
    text = F.concat(key, F.lit(" is held with other content (record "), "_holder", F.lit("): "), differences)
    return reason(CONFLICT, text)


def _with_payload(lake: Lake, refused: DataFrame, feed: str) -> DataFrame:
    days = (F.min(f"{BRONZE}.ingest_date"), F.max(f"{BRONZE}.ingest_date"))
    found = refused.agg(F.count("*"), *days).first()
    if found is None or not found[0]:
        return refused.where("false")
    if found[1] is None:
        return refused
    received = lake.table(bronze_table(feed)).where(F.col("ingest_date").between(F.lit(found[1]), F.lit(found[2])))
    payloads = received.select(F.col("record_id").alias("_received_id"), F.col("payload").alias("_payload"))
    joined = refused.join(payloads, F.col(f"{BRONZE}.record_id") == F.col("_received_id"), "left")
    whole = F.col(BRONZE).withField("payload", F.coalesce(F.col(f"{BRONZE}.payload"), F.col("_payload")))
    return joined.withColumn(BRONZE, whole).select(*refused.columns)
