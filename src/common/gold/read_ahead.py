"""Early decisions: the query that scores a feed's transactions before bronze and silver have them.

A feed's records go through the map and the checks that silver takes them through, and those that pass are scored and
committed. Beside them the same query takes what silver accepts, of all feeds: what was decided is known, and the rest,
such as what is late, is scored. So gold.transaction_scores has one writer, as long as no other run scores. That is seen
to by the checkpoint of the stream from silver, which is in use while it follows (`following_query`) and writes nothing.

The query keeps no position. Each start begins where bronze stands, so that what was decided and didn't reach bronze
comes again, and is found by its key.
"""

from datetime import datetime
from functools import reduce
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from common.bronze.records import bronze_rows
from common.contracts.silver import IS_PURCHASE, TRANSACTIONS
from common.errors import FeedError
from common.features.transactions import INPUTS
from common.gold.early_decisions import ORDINAL, PATH, PURCHASED, Decisions
from common.gold.running_scores import MOST_ROWS
from common.gold.transaction_scores import first_models
from common.ml.champion import Champion
from common.silver.conform import BRONZE, conform
from common.silver.staged import is_fine
from common.sources.declaration import Source
from common.sources.source_ref import ordinal_of, path_of
from common.storage.checkpoints import EARLY_DECISIONS, Stream, forget
from common.storage.lake import Lake
from common.storage.streams import Query, Trigger, batch_query


def feeds_ahead(source: Source) -> list[str]:
    """The feeds whose transactions can be decided before bronze has them."""
    return [name for name, feed in source.feeds_of("transactions").items() if feed.can_be_read_ahead]


def decision_query(lake: Lake, source: Source, champion: Champion, trigger: Trigger) -> Query:
    """The query, not started yet. Call this when silver has all that bronze has, and scores all that silver has.

    Raises:
        ModelError: the champion's features are not those that are computed.
    """
    in_use = first_models(lake, champion)
    checkpoint = lake.settings.checkpoint(EARLY_DECISIONS, "query")
    # By the engine's clock, which stamps what silver accepts.
    version, since = (
        lake.version(TRANSACTIONS),
        lake.spark.range(1).select(F.current_timestamp()).toArrow()[0][0].as_py(),
    )

    def start() -> StreamingQuery:
        if (folder := Path(checkpoint)).is_dir():
            forget(lake.settings, Stream(EARLY_DECISIONS, folder, 0))
        feeds = feeds_ahead(source)
        # Together no more than one process takes.
        parts = [_ahead(lake, source, name, max(1, MOST_ROWS // len(feeds))) for name in feeds]
        rows = reduce(DataFrame.unionByName, [*parts, _accepted(lake, version, since)])
        return batch_query(lake, rows.coalesce(1), checkpoint, Decisions(in_use).step, trigger).start()

    def explained(error: PySparkException) -> Exception | None:
        places = ((source.feeds[name], source.at(name, lake.settings)) for name in feeds_ahead(source))
        found = {str(known): known for feed, at in places if (known := feed.explained(error, at)) is not None}
        # The client doesn't say whose failure it is: of several feeds each may be meant.
        return next(iter(found.values())) if len(found) == 1 else FeedError(" or ".join(found)) if found else None

    return Query(checkpoint, start, explained, trigger.goes_on)


def _ahead(lake: Lake, source: Source, name: str, most_records: int) -> DataFrame:
    """Of a feed's records that bronze doesn't have, those that pass every check."""
    feed, at = source.feeds[name], source.at(name, lake.settings)
    # In one task: the records are few, and each task costs more than they do.
    records = bronze_rows(feed.ahead(lake.spark, at, most_records).coalesce(1), at, feed)
    rows = conform(records, feed.into["transactions"], TRANSACTIONS, feed, feed.fields)
    reference = F.col(f"{BRONZE}.source_ref")
    place = path_of(reference).alias(PATH), ordinal_of(reference).alias(ORDINAL)
    return rows.where(is_fine()).select(*INPUTS, *place, F.expr(IS_PURCHASE).alias(PURCHASED))


def _accepted(lake: Lake, version: int, since: datetime) -> DataFrame:
    """What silver accepts later than a time, at which it had that version."""
    rows = lake.stream(TRANSACTIONS, version).where(F.col("accepted_at") > F.lit(since))
    place = F.lit(None).cast("string").alias(PATH), F.lit(None).cast("bigint").alias(ORDINAL)
    return rows.select(*INPUTS, *place, F.expr(IS_PURCHASE).alias(PURCHASED))
