"""Feeds to bronze: what the bronze notebooks run."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.bronze.feed_queries import feed_query, read_feeds, reads_again
from common.bronze.readings import note_declared, reading_warning
from common.bronze.refusals import newly_refused
from common.bronze.unread import checking_feeds, failure, leaving_others, note_unread, noting_unread, unread
from common.checks.tables import checking
from common.contracts.bronze import bronze_table
from common.contracts.ops import BATCHES, QUALITY_RESULTS
from common.contracts.silver import QUARANTINE
from common.errors import FeedError, LakehouseError, ParameterError, first_line
from common.result import Result
from common.settings import Settings
from common.sources.declaration import Source
from common.sources.feed import FeedAt, Tell
from common.storage.changes import changes_since, versions
from common.storage.checkpoints import check_checkpoint
from common.storage.lake import Lake
from common.storage.last_success import Step, forget
from common.storage.source_claim import check_source, claim
from common.storage.streams import AVAILABLE_NOW, Query, Trigger


@dataclass(frozen=True)
class Pulled:
    """What came of pulling before the streams are started: why feeds could not be pulled, by name."""

    failed: Mapping[str, LakehouseError] = field(default_factory=dict)


NOTHING_PULLED = Pulled()


@dataclass(frozen=True)
class Ingested(Result):
    """The records that a run added to bronze, by feed. A refused file counts as one record, and is named in `note`."""

    by_feed: Mapping[str, int] = field(default_factory=dict)


def pull(lake: Lake, source: Source, tell: Tell = print) -> Pulled:
    """Lands what the feeds that are pulled have. A feed that fails leaves the others; `ingest` says so."""
    check_source(lake, source.name)
    failed: dict[str, LakehouseError] = {}
    for name, feed in source.feeds.items():
        try:
            feed.pull(source.at(name, lake.settings), tell)
        except LakehouseError as error:
            failed[name] = error
        except Exception as error:  # whatever one feed's client raises, the others are pulled
            failed[name] = FeedError(
                f"{feed.place(source.at(name, lake.settings))}: {type(error).__name__}: {first_line(error)}"
            )
        if name in failed:
            tell(f"{name}: {failed[name]}")
    return Pulled(failed)


def ingestion(lake: Lake, source: Source, pulled: Pulled = NOTHING_PULLED) -> Step:
    """What the ingestion of a source's feeds depends on, and what it makes."""
    places = _places(lake, source)

    def position(_: Settings) -> Any:
        """What the feeds say of what is new; None where one can't say, or could not be pulled."""
        found = {name: feed.position(places[name]) for name, feed in source.feeds.items()}
        return None if pulled.failed or None in found.values() else found

    return Step(
        f"bronze.{source.name}",
        writes=tuple(bronze_table(name).name for name in source.feeds),
        shares=(BATCHES.name,),
        streams=tuple(at.stream for at in places.values()),
        folders=tuple(folder for name, feed in source.feeds.items() for folder in feed.folders(places[name])),
        declaration=source.model_dump_json(),
        looks_at=position,
        # A feed that could not be read is tried again, though nothing else is new.
        leaves=lambda settings: None if unread(source, settings) else "",
    )


def ingest(lake: Lake, source: Source, trigger: Trigger = AVAILABLE_NOW, pulled: Pulled = NOTHING_PULLED) -> Ingested:
    """Reads what is new in the source's feeds into bronze, each record exactly once.

    The result's note names files that were refused. Its warnings are of feeds that could not be read, of those whose
    first records are not as declared, and of those that bronze has records of which were read otherwise than is
    declared now. A feed that could not be read, as its server can't be reached or refuses, is noted for the checks at
    the end of the job (`check_feeds`), which fail; the others are read.

    Raises:
        DeclarationError: what a feed's declaration names is not there.
        ParameterError: the trigger goes on, and a feed is pulled.
        FeedError, SecretError: no feed could be read; or one can't be, and the trigger goes on.
        CheckpointError: a bronze table is gone, though its stream has run.
        SourceError: the workspace has data of another source.
    """
    check_trigger(source, trigger)
    places = _places(lake, source)
    unreadable = _prepare(lake, source, places)
    readings = {name: note_declared(lake, places[name], feed) for name, feed in source.feeds.items()}
    before = versions(lake, map(bronze_table, source.feeds))
    again = [name for name, at in places.items() if reads_again(lake, at)]
    # A run that goes on checks no feeds at an end.
    noting = nullcontext() if trigger.goes_on else noting_unread(source, lake.settings, pulled.failed, unreadable)
    with noting:
        looks = read_feeds(lake, source, places, trigger, unreadable=unreadable, again=again)
    failed = {**pulled.failed, **unreadable}
    note_unread(source, lake.settings, failed)
    if failed:  # each job's check looks once more when the feed is read again: its failure must not be the last word
        forget(lake, checking_feeds(source))
        forget(lake, checking(source.feeds, unread=""))
    # What was pulled before a pull failed is landed, and goes on: no later run would see it as new.
    if len(unreadable) == len(source.feeds):
        raise failure(failed)
    changes = changes_since(lake, before)
    by_feed = {name: changes[bronze_table(name).name].inserted for name in source.feeds}
    added = sum(by_feed.values())
    if len(failed) == len(source.feeds) and not added:
        raise failure(failed)
    refused = newly_refused(lake, before, [name for name, records in by_feed.items() if records])
    warnings = {}
    for name, feed in source.feeds.items():
        away = f"it could not be read, and the job fails at its end: {failed[name]}" if name in failed else ""
        seen = [away, looks.get(name), reading_warning(lake, places[name], feed, readings[name])]
        if text := ". ".join(filter(None, seen)):
            warnings[bronze_table(name).name] = text
    words = f"see the warning of {', '.join(warnings)}" if warnings else ""
    facts = {"warnings": warnings} if warnings else {}
    return Ingested(added, added, "; ".join(filter(None, [refused, words])), facts, by_feed)


def ingestion_queries(lake: Lake, source: Source, trigger: Trigger) -> list[Query]:
    """The queries of `ingest`, not started yet, for a caller who runs them beside others.

    Raises:
        DeclarationError, FeedError, CheckpointError, SourceError: as `ingest`.
    """
    check_trigger(source, trigger)
    places = _places(lake, source)
    for error in _prepare(lake, source, places).values():
        raise error
    for name, feed in source.feeds.items():
        note_declared(lake, places[name], feed)
    again = [name for name, at in places.items() if reads_again(lake, at)]
    return [feed_query(lake, feed, places[name], trigger, again=name in again) for name, feed in source.feeds.items()]


def check_trigger(source: Source, trigger: Trigger) -> None:
    """Refuses a trigger that goes on where a feed is pulled.

    Raises:
        ParameterError: it is so.
    """
    pulled = [name for name, feed in source.feeds.items() if feed.is_pulled]
    if trigger.goes_on and pulled:
        raise ParameterError(
            f"trigger=processing_time: the feeds {', '.join(pulled)} are pulled when a run begins, and a run that goes "
            "on would see nothing new of them. Run with trigger=available_now, on a schedule: the job ingest has one"
        )


def _places(lake: Lake, source: Source) -> dict[str, FeedAt]:
    return {name: source.at(name, lake.settings) for name in source.feeds}


def _prepare(lake: Lake, source: Source, places: Mapping[str, FeedAt]) -> dict[str, LakehouseError]:
    """Checks all that must hold before anything is read, and makes the tables; what keeps single feeds from it."""
    check_source(lake, source.name)
    source.check_servers(lake.settings.landing)
    failed: dict[str, LakehouseError] = {}
    for name, feed in source.feeds.items():
        with leaving_others(name, failed):
            feed.check(places[name])
        check_checkpoint(lake, bronze_table(name), places[name].checkpoint)
    claim(lake, source.name)
    lake.ensure(QUARANTINE, QUALITY_RESULTS, *(bronze_table(name) for name in source.feeds))
    return failed


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
