"""The queries that read feeds into bronze, and what is done for a feed before its own and after it."""

import time
from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from common.bronze.records import bronze_rows
from common.bronze.unread import failure, leaving_others
from common.contracts.bronze import bronze_table
from common.contracts.table import Table
from common.errors import FeedError, LakehouseError
from common.sources.declaration import Source
from common.sources.feed import Feed, FeedAt
from common.storage.lake import Lake, Once
from common.storage.lineage import note
from common.storage.progress import has_begun
from common.storage.streams import BatchStep, Query, Trigger, append_query, batch_query, run_queries


def read_feeds(
    lake: Lake,
    source: Source,
    places: Mapping[str, FeedAt],
    trigger: Trigger,
    *,
    unreadable: dict[str, LakehouseError],
    again: Collection[str],
) -> dict[str, str]:
    """Reads all feeds but those in `unreadable`, to which it adds; what the first looks at new ones show, by feed.

    Raises:
        FeedError, SecretError: a feed can't be read, and the trigger goes on.
    """
    begun = time.time()
    looks: dict[str, str] = {}
    queries: dict[str, Query] = {}
    for name in [name for name in source.feeds if name not in unreadable]:
        with leaving_others(name, unreadable):
            looks[name] = _first_look(source.feeds[name], places[name])
            queries[name] = feed_query(lake, source.feeds[name], places[name], trigger, again=name in again)
    if trigger.goes_on and unreadable:
        raise failure(unreadable)
    broken: dict[str, FeedError] = {}
    try:
        run_queries(queries.values(), None if trigger.goes_on else broken)
    finally:
        unreadable |= {name: broken[places[name].checkpoint] for name in queries if places[name].checkpoint in broken}
    if not trigger.goes_on:
        for name in [name for name in queries if name not in unreadable]:
            with leaving_others(name, unreadable):
                _record_overlooked(lake, source.feeds[name], places[name], begun)
                source.feeds[name].read_to_the_end(places[name])
                if name in again:
                    places[name].reads_again.unlink()
    return looks


def _first_look(feed: Feed, at: FeedAt) -> str:
    return "" if has_begun(at.checkpoint) else feed.first_look(at)


def reads_again(lake: Lake, at: FeedAt) -> bool:
    """Whether the query will read files that bronze has already, because its checkpoint was lost or removed.

    Then it adds only the records that bronze lacks. The mark stays until a run has read all files to the end.
    """
    mark = at.reads_again
    if not has_begun(at.checkpoint) and not lake.table(bronze_table(at.name)).isEmpty():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return mark.exists()


def feed_query(lake: Lake, feed: Feed, at: FeedAt, trigger: Trigger, *, again: bool) -> Query:
    """The feed's query; `again` where it may read what bronze has (`reads_again`).

    Its stream is asked for when it is started: what fails there leaves the other feeds alone.
    """
    bronze = bronze_table(at.name)
    note(lake.settings, "write", bronze.name)

    def start() -> StreamingQuery:
        rows = bronze_rows(feed.stream(lake.spark, at), at, feed)
        if again:
            return batch_query(lake, rows, at.checkpoint, _insertion(bronze), trigger).start()
        return append_query(rows, lake.full_name(bronze), at.checkpoint, trigger).start()

    return Query(at.checkpoint, start, lambda error: feed.explained(error, at), trigger.goes_on)


def _insertion(bronze: Table) -> BatchStep:
    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        with lake.staged(batch, bronze.name) as staged:
            lake.insert_new(staged, bronze, once)

    return step


def _record_overlooked(lake: Lake, feed: Feed, at: FeedAt, begun: float) -> None:
    """Adds what the feed's stream can't see to bronze as refused, each once."""
    bronze, found = bronze_table(at.name), list(feed.overlooked(at, begun))
    if not found:
        return
    rows = lake.spark.createDataFrame(found, "source_ref string, payload string, read_error string")
    existing = lake.table(bronze).where(F.col("source_ref").isin([reference for reference, _, _ in found]))
    new = bronze_rows(rows, at, feed).join(existing.select("record_id"), "record_id", "left_anti")
    if not new.isEmpty():
        lake.append(new, bronze)
