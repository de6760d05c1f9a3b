"""Feeds to bronze: what the bronze notebooks run."""

import glob
from functools import reduce
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import QUARANTINE
from common.errors import DeclarationError
from common.sources.declaration import FileFeed, Source
from common.sources.files import stream_files
from common.storage.lake import Lake
from common.storage.streams import AVAILABLE_NOW, Trigger, append_stream, wait_for
from common.storage.world import check_world, claim_world


def ingest_files(lake: Lake, source: Source, trigger: Trigger = AVAILABLE_NOW) -> dict[str, int]:
    """Reads every file that is new in the source's feeds into bronze, each exactly once.

    Returns:
        Records that were added, by feed; a refused file counts as one.

    Raises:
        DeclarationError: a feed's folder is not there.
        WorldError: the workspace holds another world.
    """
    check_world(lake, source.name)
    landing = lake.settings.landing
    for name, feed in source.feeds.items():
        _check_folder(source, name, feed, landing)
    claim_world(lake, source.name)
    lake.ensure(QUARANTINE, QUALITY_RESULTS, *(bronze_table(name) for name in source.feeds))
    before = _record_counts(lake, source)
    wait_for(
        append_stream(
            stream_files(lake.spark, source.name, name, feed, landing),
            lake.full_name(bronze_table(name)),
            lake.settings.checkpoint("bronze", source.name, name),
            trigger,
        )
        for name, feed in source.feeds.items()
    )
    return {name: count - before[name] for name, count in _record_counts(lake, source).items()}


def _record_counts(lake: Lake, source: Source) -> dict[str, int]:
    return {name: lake.table(bronze_table(name)).count() for name in source.feeds}


def _check_folder(source: Source, name: str, feed: FileFeed, landing: str) -> None:
    folder = feed.folder(landing)
    if "://" in folder or glob.glob(folder):
        return
    hint = f"create it, correct the path, or give the folder that holds {Path(feed.path).name} as landing"
    if source.name == "simulated":
        hint = "`lakehouse simulate` fills it"
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
        .where("payload IS NULL")
        .select(F.lit(name).alias("feed"), F.split_part("source_ref", F.lit("#"), F.lit(1)).alias("path"), "read_error")
        for name in source.feeds
    ]
    return reduce(DataFrame.unionByName, parts).orderBy("feed", "path").toPandas()
