"""Feeds to bronze: what the bronze notebooks run."""

import glob
import time
from functools import reduce
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import QUARANTINE
from common.contracts.table import Table
from common.errors import DeclarationError
from common.settings import Settings
from common.sources.declaration import FileFeed, Source
from common.sources.empty_files import record_empty_files
from common.sources.files import stream_files
from common.sources.source_ref import path_of
from common.storage.lake import Lake, Once
from common.storage.lineage import note
from common.storage.positions import check_position
from common.storage.streams import (
    AVAILABLE_NOW,
    BatchStep,
    Query,
    Trigger,
    append_query,
    batch_query,
    has_begun,
    run_queries,
)
from common.storage.world import check_world, claim_world


def ingest_files(lake: Lake, source: Source, trigger: Trigger = AVAILABLE_NOW) -> dict[str, int]:
    """Reads every file that is new in the source's feeds into bronze, each exactly once.

    Returns:
        Records that were added, by feed; a refused file counts as one.

    Raises:
        DeclarationError: a feed's folder is not there.
        PositionError: a bronze table is gone, though its stream has run.
        WorldError: the workspace holds another world.
    """
    check_world(lake, source.name)
    for name, feed in source.feeds.items():
        _check_folder(source, name, feed, lake.settings)
        check_position(lake, bronze_table(name), _checkpoint(lake, source, name))
    claim_world(lake, source.name)
    lake.ensure(QUARANTINE, QUALITY_RESULTS, *(bronze_table(name) for name in source.feeds))
    before = _record_counts(lake, source)
    again = [name for name in source.feeds if _reads_again(lake, source, name, before[name])]
    begun = time.time()
    run_queries(_query(lake, source, name, trigger, reads_again=name in again) for name in source.feeds)
    if trigger == AVAILABLE_NOW:
        for name, feed in source.feeds.items():
            record_empty_files(lake, source.name, name, feed, begun)
        for name in again:
            _mark(lake, source, name).unlink()
    return {name: count - before[name] for name, count in _record_counts(lake, source).items()}


def _query(lake: Lake, source: Source, name: str, trigger: Trigger, *, reads_again: bool) -> Query:
    settings = lake.settings
    rows = stream_files(lake.spark, source.name, name, source.feeds[name], settings.landing, settings.platform)
    checkpoint = _checkpoint(lake, source, name)
    note(lake.settings, "write", bronze_table(name).name)
    if reads_again:
        return batch_query(lake, rows, checkpoint, _insertion(bronze_table(name)), trigger)
    return append_query(rows, lake.full_name(bronze_table(name)), checkpoint, trigger)


def _insertion(bronze: Table) -> BatchStep:
    def step(lake: Lake, batch: DataFrame, once: Once) -> None:
        with lake.staged(batch, bronze.name) as staged:
            lake.insert_new(staged, bronze, once)

    return step


def _checkpoint(lake: Lake, source: Source, feed: str) -> str:
    return lake.settings.checkpoint("bronze", source.name, feed)


def _mark(lake: Lake, source: Source, feed: str) -> Path:
    return Path(lake.settings.checkpoint("bronze", source.name, f"{feed}.reads_again"))


def _reads_again(lake: Lake, source: Source, feed: str, records: int) -> bool:
    """Whether the query will meet files that bronze holds already, since its checkpoint was lost or removed.

    Then it adds only the records that bronze lacks. The mark stays until a run has read all files to the end.
    """
    mark = _mark(lake, source, feed)
    if records and not has_begun(_checkpoint(lake, source, feed)):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return mark.exists()


def _record_counts(lake: Lake, source: Source) -> dict[str, int]:
    return {name: lake.table(bronze_table(name)).count() for name in source.feeds}


def _check_folder(source: Source, name: str, feed: FileFeed, settings: Settings) -> None:
    folder = feed.folder(settings.landing)
    if "://" in folder or glob.glob(folder):
        return
    here = settings.platform
    template = here.missing_simulation_hint if source.name == "simulated" else here.missing_folder_hint
    hint = template.format(folder=folder, name=Path(feed.path).name)
    raise DeclarationError(f"sources/{source.name}.yml: feeds.{name}.path: there is no folder {folder}; {hint}")


def bronze_overview(lake: Lake, source: Source, added: dict[str, int]) -> pd.DataFrame:
    """By feed: records added by this run, records in all, and how many of those could not be read."""
    rows = []
    for name in source.feeds:
        table = lake.table(bronze_table(name))
        rows.append((name, added.get(name, 0), table.count(), table.where("read_error IS NOT NULL").count()))
    return pd.DataFrame(rows, columns=["feed", "added", "records", "unreadable"])


def refused_files(lake: Lake, source: Source) -> pd.DataFrame:
    """Files that were refused as a whole, by feed, with the reason."""
    parts = [
        lake.table(bronze_table(name))
        .where("read_error IS NOT NULL AND payload IS NULL")
        .select(F.lit(name).alias("feed"), path_of(F.col("source_ref")).alias("path"), "read_error")
        for name in source.feeds
    ]
    return reduce(DataFrame.unionByName, parts).orderBy("feed", "path").toPandas()
