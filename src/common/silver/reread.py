"""Records that a stream reads again after it was rewound, and that its target holds already.

What was accepted stays as it is, also where the map, the cleaning or the checks have become others since: by its new
key it might not be found, and would be added a second time.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ops import BATCHES
from common.contracts.table import Table
from common.quality.checks import FAILED_CHECKS_TYPE
from common.silver.conform import BRONZE
from common.storage.batches import BatchId
from common.storage.lake import Lake

IS_HELD = "is_held"


def with_held(lake: Lake, staged: DataFrame, target: Table, batch: BatchId) -> DataFrame:
    """The staged records with `is_held`: whether the target holds them, by record_id.

    Those that it holds count as selected and fail no check. They are looked for only where an earlier query of the
    flow can have read them: the lookup reads the ids of the whole target, which a batch of new records need not pay.
    """
    if not _may_be_read_again(lake, staged, batch):
        return staged.withColumn(IS_HELD, F.lit(False))
    ids = lake.table(target).select(F.col("record_id").alias("_held_id")).distinct()
    marked = staged.join(ids, F.col(f"{BRONZE}.record_id") == F.col("_held_id"), "left")
    is_held = F.col("_held_id").isNotNull()
    return marked.withColumns(
        {
            IS_HELD: is_held,
            "selected": F.col("selected") | is_held,
            "failed_checks": F.when(is_held, F.array().cast(FAILED_CHECKS_TYPE)).otherwise(F.col("failed_checks")),
        }
    ).drop("_held_id")


def _may_be_read_again(lake: Lake, staged: DataFrame, batch: BatchId) -> bool:
    told = lake.table(BATCHES).where((F.col("kind") == "stream") & (F.col("target") == batch.target))
    own = F.col("query_id") == batch.query_id
    row = told.agg(F.count_if(~own), F.to_date(F.min(F.when(own, F.col("committed_at"))))).first()
    if row is None or not row[0]:
        return False
    received = staged.agg(F.min(f"{BRONZE}.ingest_date")).first()
    return row[1] is None or received is None or received[0] is None or received[0] <= row[1]
