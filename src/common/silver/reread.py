"""Records that a stream reads again after it was reset: the target must have them as today's map makes them."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import REFERENCES, TARGETS
from common.contracts.table import Table
from common.errors import CheckpointError
from common.silver.conform import BRONZE
from common.storage.batches import QueryCounts
from common.storage.lake import Lake


def read_before(queries: Sequence[QueryCounts], query: str | None, today: date) -> date | None:
    """The last day of which an earlier query of a flow may have read records; None where there was no such query.

    Args:
        queries: the counts of all queries of the flow that committed a batch.
        query: the one that is to run, None where it never ran.
        today: the day on which it is started, UTC.

    """
    if all(other.query_id == query for other in queries):
        return None
    return next((own.first_committed_at.date() for own in queries if own.query_id == query), today)


def check_reread(lake: Lake, records: DataFrame, target: Table) -> None:
    """Checks that the records which the target has already would be accepted again, under the same keys.

    Under another key they would not be found, and would be added a second time. This reads all ids of the target.

    Raises:
        CheckpointError: map, cleaning or checks no longer accept them under the same keys.
    """
    existing = lake.table(target).select("record_id", F.struct(*target.lookup_key).alias("_existing"))
    read = records.select(
        F.col(f"{BRONZE}.record_id").alias("record_id"),
        (F.col("selected") & (F.size("failed_checks") == 0)).alias("_fine"),
        F.struct(*target.lookup_key).alias("_read"),
    )
    others = existing.join(read, "record_id").where(~F.col("_fine") | ~F.col("_read").eqNullSafe(F.col("_existing")))
    row = others.agg(F.count("*"), F.min("record_id")).first()
    if row is None or not row[0]:
        return
    name = next(name for name, table in TARGETS.items() if table.name == target.name)
    tables = [target.name, *([REFERENCES[name].history.name] if name in REFERENCES else [])]
    here = lake.settings.platform
    names = map(lake.settings.table, tables)
    drops = ", ".join(here.change_by_sql.format(statement=f"DROP TABLE {name}") for name in names)
    raise CheckpointError(
        f"{target.name}: {row[0]:,} records that it has (such as {row[1]}) are read again, and today's map or checks "
        "no longer accept them under the same keys: they would be there twice. Nothing was written. Bring the old "
        f"map back, or make the table again by the new one: {drops}, "
        f"{lake.settings.how_to_reset(f'silver/{name}')}, and run the job"
    )
