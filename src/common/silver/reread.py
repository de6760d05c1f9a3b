"""Records that a stream reads again after it was rewound: the target must hold them as today's map makes them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ops import BATCHES
from common.contracts.silver import REFERENCES, TARGETS
from common.contracts.table import Table
from common.errors import PositionError
from common.silver.conform import BRONZE
from common.silver.verdicts import is_fine
from common.storage.batches import BatchId
from common.storage.lake import Lake


def check_reread(lake: Lake, staged: DataFrame, target: Table, batch: BatchId) -> None:
    """Checks that the records which the target holds already would be accepted again, under the same keys.

    By another key they would not be found, and be added a second time. They are looked for only where an earlier query
    of the flow can have read them: that reads the ids of the whole target, which a batch of new records need not pay.

    Raises:
        PositionError: map, cleaning or checks make others of them now.
    """
    if not _may_be_read_again(lake, staged, batch):
        return
    held = lake.table(target).select("record_id", F.struct(*target.lookup_key).alias("_held"))
    records = staged.select(
        F.col(f"{BRONZE}.record_id").alias("record_id"),
        is_fine().alias("_fine"),
        F.struct(*target.lookup_key).alias("_new"),
    )
    others = held.join(records, "record_id").where(~F.col("_fine") | ~F.col("_new").eqNullSafe(F.col("_held")))
    row = others.agg(F.count("*"), F.min("record_id")).first()
    if row is None or not row[0]:
        return
    name = next(name for name, table in TARGETS.items() if table.name == target.name)
    tables = [target.name, *([REFERENCES[name].history.name] if name in REFERENCES else [])]
    here = lake.settings.platform
    drops = ", ".join(here.run_sql.format(statement=f"DROP TABLE {lake.settings.table(table)}") for table in tables)
    raise PositionError(
        f"{target.name}: {row[0]:,} records that it holds (such as {row[1]}) are read again, and the map or the checks "
        "of today make others of them: they would be there twice. Nothing was written. Bring the old map back, or "
        f"make the table anew by the new one: {drops}, {lake.settings.how_to_reset(f'silver/{name}')}, and run the job"
    )


def _may_be_read_again(lake: Lake, staged: DataFrame, batch: BatchId) -> bool:
    told = lake.table(BATCHES).where((F.col("kind") == "stream") & (F.col("target") == batch.target))
    own = F.col("query_id") == batch.query_id
    row = told.agg(F.count_if(~own), F.to_date(F.min(F.when(own, F.col("committed_at"))))).first()
    if row is None or not row[0]:
        return False
    received = staged.agg(F.min(f"{BRONZE}.ingest_date")).first()
    return row[1] is None or received is None or received[0] is None or received[0] <= row[1]
