"""Feeds to bronze: what the bronze notebooks run."""

import glob
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.bronze.files import stream_files
from common.bronze.first_look import first_look
from common.bronze.readings import note_declared, reading_warning
from common.bronze.refusals import newly_refused
from common.bronze.unseen_files import record_unseen_files
from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES, QUALITY_RESULTS
from common.contracts.silver import QUARANTINE
from common.contracts.table import Table
from common.errors import DeclarationError
from common.result import Result
from common.settings import Settings
from common.sources.declaration import Source
from common.storage.changes import changes_since, versions
from common.storage.checkpoints import check_checkpoint
from common.storage.lake import Lake, Once
from common.storage.last_success import Step
from common.storage.lineage import note
from common.storage.source_claim import check_source, claim
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


@dataclass(frozen=True)
class Ingested(Result):
    """The records that a run added to bronze, by feed. A refused file counts as one record, and is named in `note`."""

    by_feed: Mapping[str, int] = field(default_factory=dict)


def ingestion(lake: Lake, source: Source) -> Step:
    """What the ingestion of a source's files depends on, and what it makes."""
    return Step(
        f"bronze.{source.name}",
        writes=tuple(bronze_table(name).name for name in source.feeds),
        shares=(BATCHES.name,),
        streams=tuple(f"bronze/{source.name}/{name}" for name in source.feeds),
        folders=tuple(feed.folder(lake.settings.landing) for feed in source.feeds.values()),
        declaration=source.model_dump_json(),
    )


def ingest_files(lake: Lake, source: Source, trigger: Trigger = AVAILABLE_NOW) -> Ingested:
    """Reads every file that is new in the source's feeds into bronze, each exactly once.

    The result's note names files that were refused. Its warnings are of feeds whose first files are not as declared,
    and of those that bronze has records of which were read otherwise than is declared now.

    Raises:
        DeclarationError: a feed's folder is not there.
        CheckpointError: a bronze table is gone, though its stream has run.
        SourceError: the workspace has data of another source.
    """
    _prepare(lake, source)
    looks = {name: _first_look(lake, source, name) for name in source.feeds}
    readings = {name: note_declared(lake, source.name, name, feed) for name, feed in source.feeds.items()}
    before = versions(lake, map(bronze_table, source.feeds))
    again = [name for name in source.feeds if _reads_again(lake, source, name)]
    begun = time.time()
    run_queries(_query(lake, source, name, trigger, reads_again=name in again) for name in source.feeds)
    if not trigger.goes_on:
        for name, feed in source.feeds.items():
            record_unseen_files(lake, source.name, name, feed, begun)
        for name in again:
            _mark(lake, source, name).unlink()
    changes = changes_since(lake, before)
    by_feed = {name: changes[bronze_table(name).name].inserted for name in source.feeds}
    added = sum(by_feed.values())
    refused = newly_refused(lake, before, [name for name, records in by_feed.items() if records])
    warnings = {}
    for name, feed in source.feeds.items():
        seen = [looks[name], reading_warning(lake, source.name, name, feed, readings[name])]
        if text := ". ".join(filter(None, seen)):
            warnings[bronze_table(name).name] = text
    words = f"see the warning of {', '.join(warnings)}" if warnings else ""
    facts = {"warnings": warnings} if warnings else {}
    return Ingested(added, added, "; ".join(filter(None, [refused, words])), facts, by_feed)


def ingestion_queries(lake: Lake, source: Source, trigger: Trigger) -> list[Query]:
    """The queries of `ingest_files`, not started yet, for a caller who runs them beside others.

    Raises:
        DeclarationError, CheckpointError, SourceError: as `ingest_files`.
    """
    _prepare(lake, source)
    for name, feed in source.feeds.items():
        note_declared(lake, source.name, name, feed)
    again = [name for name in source.feeds if _reads_again(lake, source, name)]
    return [_query(lake, source, name, trigger, reads_again=name in again) for name in source.feeds]


def _prepare(lake: Lake, source: Source) -> None:
    check_source(lake, source.name)
    for name in source.feeds:
        check_folder(source, name, lake.settings)
        check_checkpoint(lake, bronze_table(name), _checkpoint(lake, source, name))
    claim(lake, source.name)
    lake.ensure(QUARANTINE, QUALITY_RESULTS, *(bronze_table(name) for name in source.feeds))


def _first_look(lake: Lake, source: Source, name: str) -> str:
    is_new = not has_begun(_checkpoint(lake, source, name))
    return first_look(source.feeds[name], lake.settings) if is_new else ""


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


def _reads_again(lake: Lake, source: Source, feed: str) -> bool:
    """Whether the query will read files that bronze has already, because its checkpoint was lost or removed.

    Then it adds only the records that bronze lacks. The mark stays until a run has read all files to the end.
    """
    mark = _mark(lake, source, feed)
    if not has_begun(_checkpoint(lake, source, feed)) and not lake.table(bronze_table(feed)).isEmpty():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return mark.exists()


def check_folder(source: Source, name: str, settings: Settings) -> None:
    """Checks that the folder of a feed is there.

    Raises:
        DeclarationError: it isn't.
    """
    feed = source.feeds[name]
    folder = feed.folder(settings.landing)
    if "://" in folder or glob.glob(folder):
        return
    here = settings.platform
    template = here.missing_simulation_hint if source.name == "simulated" else here.missing_folder_hint
    hint = template.format(folder=folder, name=Path(feed.path).name)
    raise DeclarationError(f"sources/{source.name}.yml: feeds.{name}.path: there is no folder {folder}; {hint}")


def bronze_overview(lake: Lake, source: Source, added: Mapping[str, int]) -> pd.DataFrame:
    """By feed: the records that this run added, all records, and how many of these could not be read."""
    parts = [
        lake.table(bronze_table(name)).agg(
            F.lit(name).alias("feed"),
            F.lit(added.get(name, 0)).alias("added"),
            F.count("*").alias("records"),
            F.count("read_error").alias("unreadable"),
        )
        for name in source.feeds
    ]
    return reduce(DataFrame.unionByName, parts).toPandas()
