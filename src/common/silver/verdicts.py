"""What became of a staged batch, read from the tables rather than from what was meant to be written."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.silver.conform import BRONZE, UNMAPPED
from common.storage.batches import Counts
from common.storage.field_names import usual_name
from common.storage.lake import Lake
from common.storage.quarantine import refused
from common.storage.unmapped import FIELDS_KEPT


@dataclass(frozen=True)
class Counted:
    """The counts of a batch, the fields that no map uses (at most FIELDS_KEPT), and a record that has some of them."""

    counts: Counts
    unmapped_fields: tuple[str, ...]
    any_record_id: str | None


def is_fine() -> Column:
    """Whether a staged record is selected and fails no check."""
    return F.col("selected") & (F.size("failed_checks") == 0)


def holders(lake: Lake, staged: DataFrame, table: Table) -> DataFrame:
    """Each staged record beside the record that holds its key in the table.

    Returns:
        record_id, selected, fine, unmapped_fields, `holder` (the record_id of the row with the same key; null where
        the record isn't fine or no row has its key), is_refused (null where it is not in the quarantine).
    """
    verdicts = staged.select(
        F.col(f"{BRONZE}.record_id").alias("record_id"),
        "selected",
        is_fine().alias("fine"),
        UNMAPPED,
        *table.lookup_key,
    )
    held = lake.held(staged.where(is_fine()), table).select(
        F.col("record_id").alias("holder"), *(F.col(key).alias(f"_held_{key}") for key in table.lookup_key)
    )
    same_key = [F.col("fine"), *(F.col(key).eqNullSafe(F.col(f"_held_{key}")) for key in table.lookup_key)]
    return (
        verdicts.join(held, same_key, "left")
        .join(refused(lake, table.name).select("record_id", F.lit(True).alias("is_refused")), "record_id", "left")
        .select("record_id", "selected", "fine", UNMAPPED, "holder", "is_refused")
    )


def counted(lake: Lake, staged: DataFrame, table: Table) -> Counted:
    """Counts the batch. A record that was lost would show as a difference between the counts.

    The names of fields are told apart and bounded by Spark, in the same pass: records can bring millions of them.
    Records with the same fields are counted together before that, as most records of a feed have the same.
    """
    own = F.col("holder") == F.col("record_id")
    other = (F.col("holder") != F.col("record_id")) & F.col("is_refused").isNull()
    counts = {
        "records_read": F.count("*"),
        "accepted": F.count_if(own),
        "duplicates": F.count_if(other),
        "quarantined": F.count_if(F.col("is_refused")),
        "not_selected": F.count_if(~F.col("selected")),
    }
    any_record = F.min(F.when(F.col(UNMAPPED).isNotNull(), F.col("record_id"))).alias("any_record_id")
    names = F.array_distinct(F.transform(F.coalesce(UNMAPPED, F.array().cast("array<string>")), usual_name))
    # Each group of records once without a name, which is what is counted, and once with each of its names.
    rows = (
        holders(lake, staged, table)
        .groupBy(UNMAPPED)
        .agg(*(count.alias(name) for name, count in counts.items()), any_record)
        .withColumn("name", F.explode(F.array_prepend(names, F.lit(None).cast("string"))))
        .groupBy("name")
        .agg(*(F.sum(name).alias(name) for name in counts), F.min("any_record_id").alias("any_record_id"))
        .orderBy(F.asc_nulls_first("name"))
        .limit(1 + FIELDS_KEPT)
        .collect()
    )
    if not rows:
        return Counted(Counts(), (), None)
    total, *named = rows
    found = Counts(**{name: total[name] for name in counts})
    return Counted(found, tuple(row["name"] for row in named), total["any_record_id"])
