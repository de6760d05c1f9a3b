"""Records whose key is in the table already: duplicates, and those with other content, which are conflicts.

Conflicts are quarantined and not counted as duplicates: one of the two must be wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from common.checks.rows import FAILED_CHECKS_TYPE, PERSONAL_VALUE, reason, shown
from common.contracts.bronze import bronze_table
from common.contracts.table import Column as ContractColumn
from common.contracts.table import Table
from common.silver.conform import BRONZE
from common.silver.staged import Staged
from common.storage.lake import Lake
from common.storage.staging import measures_of

CONFLICT = "conflict"
"""Name of the check that a record fails whose key is in the table with other content."""


@dataclass(frozen=True)
class Found:
    """The fine records of a batch, counted by the rows that have their keys, and the conflicts among them.

    `accepted` have a row of their own, `duplicates` another record's; `conflicts` of those have other content, and
    are in `rows`, with that as their failed check.
    """

    accepted: int
    duplicates: int
    conflicts: int
    rows: DataFrame


@contextmanager
def conflicts(lake: Lake, staged: Staged, table: Table) -> Iterator[Found]:
    """Counts the fine records by the rows that have their keys, and keeps the conflicts while the block lasts.

    Call it when the batch's accepted rows are in the table: of two records in one batch that contradict each
    other, the first is accepted.
    """
    is_own = F.col("existing_record_id") == F.col(f"{BRONZE}.record_id")
    is_conflict = ~is_own & (F.size("differences") > 0)
    measures = {
        "accepted": F.count_if(is_own),
        "duplicates": F.count_if(~is_own),
        "conflicts": F.count_if(is_conflict),
    }
    counted = Observation()
    compared = beside_existing(lake, staged.fine_rows, staged.scope, table)
    observed = compared.observe(counted, *(measure.alias(name) for name, measure in measures.items()))
    failed = F.array(_conflict(table)).cast(FAILED_CHECKS_TYPE)
    conflicting = observed.where(is_conflict).withColumn("failed_checks", failed).select(*staged.rows.columns)
    with lake.staged(conflicting, f"{table.name}.conflicts") as rows:
        found = counted.get or measures_of(compared, measures)
        yield Found(found["accepted"], found["duplicates"], found["conflicts"], rows)


def beside_existing(lake: Lake, rows: DataFrame, scope: tuple[date, ...], table: Table) -> DataFrame:
    """Fine records beside the rows of the table that have their keys.

    Returns:
        The columns of `rows`, `existing_record_id` (null where no row has the key) and `differences` (what the record
        has other than that row; empty where that is nothing).
    """
    content = [column for column in table.mappable if column.name not in table.lookup_key]
    names = (*table.lookup_key, *(column.name for column in content))
    existing = lake.existing_rows(scope, table).select(
        F.col("record_id").alias("existing_record_id"), *(F.col(name).alias(f"_existing_{name}") for name in names)
    )
    same_key = [F.col(key).eqNullSafe(F.col(f"_existing_{key}")) for key in table.lookup_key]
    differing = [F.when(~F.col(c.name).eqNullSafe(F.col(f"_existing_{c.name}")), _difference(c)) for c in content]
    differences = F.array_compact(F.array(*differing).cast("array<string>"))
    joined = rows.join(existing, same_key, "left").withColumn("differences", differences)
    return joined.select(*rows.columns, "existing_record_id", "differences")


def _difference(column: ContractColumn) -> Column:
    # The existing value may be another person's: the reason names the record that has it instead.
    value = F.lit(PERSONAL_VALUE) if column.personal else shown(F.col(column.name))
    return F.concat(F.lit(f"{column.name} is "), value, F.lit(" here"))


def _conflict(table: Table) -> Column:
    key = F.concat_ws(", ", *(F.concat(F.lit(f"{name}="), shown(F.col(name))) for name in table.key))
    differences = F.concat_ws("; ", "differences")
    record = F.col("existing_record_id")
    text = F.concat(key, F.lit(" is there with other content (record "), record, F.lit("): "), differences)
    return reason(CONFLICT, text)


def with_payload(lake: Lake, rows: DataFrame, feed: str, days: tuple[date | None, date | None]) -> DataFrame:
    """The rows with their payload, which staging leaves out, read from bronze by the days on which it received them."""
    first, last = days
    received = lake.table(bronze_table(feed)).where(F.col("ingest_date").between(F.lit(first), F.lit(last)))
    payloads = received.select(F.col("record_id").alias("_received_id"), F.col("payload").alias("_payload"))
    joined = rows.join(payloads, F.col(f"{BRONZE}.record_id") == F.col("_received_id"), "left")
    return joined.withColumn(BRONZE, F.col(BRONZE).withField("payload", F.col("_payload"))).select(*rows.columns)
