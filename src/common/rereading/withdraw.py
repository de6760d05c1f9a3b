"""What feeds gave by another reading than is declared, withdrawn, so that the same run reads their files again."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.bronze.readings import counted, is_other
from common.contracts.bronze import bronze_table
from common.contracts.silver import TARGETS
from common.errors import CheckpointError, ParameterError
from common.result import Result
from common.settings import Settings
from common.sources.declaration import Source
from common.sources.source_ref import path_of
from common.storage.erasure import open_plans
from common.storage.files import write_whole
from common.storage.lake import Lake
from common.storage.source_claim import check_source

ALL = "all"
"""Stands for all feeds."""

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Withdrawn:
    """What was withdrawn of a feed, and how many records stay because their files are gone."""

    feed: str
    reading: str
    files: int
    records: int
    kept: int

    def __str__(self) -> str:
        gone = f"; {counted(self.kept, 'record')} kept, as the files are gone" if self.kept else ""
        if not self.records:
            return f"{self.feed}: nothing to read again, all files that are there were read as {self.reading}{gone}"
        return f"{self.feed}: {counted(self.records, 'record')} of {counted(self.files, 'file')} withdrawn{gone}"


def withdraw(lake: Lake, source: Source, reread: str = "") -> list[Withdrawn]:
    """Withdraws what files gave that were read otherwise than their feeds declare, from bronze to gold.

    Only of the feeds that a person names, and of those whose withdrawal was broken off. Records whose file is gone
    stay. Afterwards the streams of the feed are reset: the next ingestion reads the files again. Run it while no other
    job runs.

    Args:
        lake: the tables.
        source: the source, as it is declared now.
        reread: names of feeds with commas between them, `all`, or empty for none.

    Raises:
        ParameterError: the source has no such feed.
        DeclarationError: the folder of a feed is not there, so that all its files would seem to be gone.
        CheckpointError: an erasure was broken off, whose counts would not add up.
        SourceError: the workspace has data of another source.
    """
    named = _feeds(source, reread)
    if kept := sorted(name for name in named if not source.feeds[name].can_reread):
        raise ParameterError(
            f"reread={reread!r}: only files can be read again in another way, and {kept[0]} is of `reader: "
            f"{source.feeds[kept[0]].reader}`; what it gave stays as it is"
        )
    feeds = [name for name in source.feeds if name in named or _mark(source, name, lake.settings).exists()]
    if not feeds:
        return []
    check_source(lake, source.name)
    if open_plans(lake.settings):
        raise CheckpointError(
            "an erasure was broken off half-way, and counts records that would be withdrawn. End it first: "
            f"{lake.settings.platform.run_job.format(job='maintenance')}, then this again"
        )
    for name in feeds:
        source.feeds[name].check(source.at(name, lake.settings))
    for name in named:  # all of them, before the first is begun
        if not _mark(source, name, lake.settings).exists():
            _write(_mark(source, name, lake.settings), None)
    return [_withdraw(lake, source, name) for name in feeds]


def with_withdrawn(result: R, withdrawn: Sequence[Withdrawn]) -> R:
    """The result of an ingestion whose note says what was withdrawn before it."""
    return replace(result, note="; ".join(filter(None, [*map(str, withdrawn), result.note])))


def _feeds(source: Source, reread: str) -> set[str]:
    names = {name.strip() for name in reread.split(",")} - {""}
    if names == {ALL}:
        return {name for name, feed in source.feeds.items() if feed.can_reread}
    if unknown := sorted(names - source.feeds.keys()):
        raise ParameterError(
            f"reread={reread!r}: sources/{source.name}.yml has no feed {unknown[0]!r}; it has: "
            f"{', '.join(source.feeds)}. Name feeds with commas between them, or {ALL}"
        )
    return names


def _mark(source: Source, feed: str, settings: Settings) -> Path:
    """There from the moment that a person asks until all is withdrawn; once begun, names the tables that lose rows."""
    return source.at(feed, settings).note("rereading")


def _write(mark: Path, losing: frozenset[str] | None) -> None:
    write_whole(mark, json.dumps(None if losing is None else sorted(losing)))


def _begun(mark: Path) -> frozenset[str] | None:
    """The silver tables that a withdrawal makes lose rows, as it was begun; None where it was not."""
    losing = json.loads(mark.read_text(encoding="utf-8"))
    return None if losing is None else frozenset(losing)


def _withdraw(lake: Lake, source: Source, name: str) -> Withdrawn:
    # Imported here: gold's modules take seconds, which a run that withdraws nothing need not spend.
    from common.rereading import steps

    feed, mark = source.feeds[name], _mark(source, name, lake.settings)
    declared = feed.reading
    begun = _begun(mark)
    if not lake.exists(bronze_table(name)):  # no run has read the feed, or the next one asks for its table
        mark.unlink()
        return Withdrawn(name, declared, 0, 0, 0)
    lake.ensure(bronze_table(name))
    with _read_otherwise(lake, source, name) as found:
        there = found.where("is_there")
        files, records, kept = _counts(found)
        losing = (_losing(lake, there) if records else frozenset()) | (begun or frozenset())
        work = steps.Withdrawal(source.at(name, lake.settings), feed, there.select("record_id"), losing)
        if records or begun is not None:
            _write(mark, losing)
            for step in steps.STEPS:
                step(lake, work)
        elif kept:
            steps.readings(lake, work)
        mark.unlink(missing_ok=True)
    return Withdrawn(name, declared, files, records, kept)


@contextmanager
def _read_otherwise(lake: Lake, source: Source, name: str) -> Iterator[DataFrame]:
    """The feed's records that were read otherwise than is declared: record_id, path and is_there, in staged files."""
    feed, bronze = source.feeds[name], bronze_table(name)
    paths = feed.paths_there(lake.spark, source.at(name, lake.settings))
    there = paths.withColumn("is_there", F.lit(True))
    records = lake.table(bronze).where(is_other(feed.reading))
    rows = records.select("record_id", path_of(F.col("source_ref")).alias("path")).join(there, "path", "left")
    known = rows.withColumn("is_there", F.coalesce("is_there", F.lit(False)))
    with lake.staged(known, f"{bronze.name}.read_otherwise") as staged:
        yield staged


def _counts(found: DataFrame) -> tuple[int, int, int]:
    """Files and records that are withdrawn, and records that stay."""

    def where_there(value: Column) -> Column:
        return F.when(F.col("is_there"), value)

    columns = (
        F.countDistinct(where_there(F.col("path"))),
        F.count_if("is_there"),
        F.count_if(~F.col("is_there")),
    )
    row = found.agg(*columns).first()
    return (row[0], row[1], row[2]) if row else (0, 0, 0)


def _losing(lake: Lake, records: DataFrame) -> frozenset[str]:
    """The silver tables that have rows of the records."""
    ids = records.select("record_id")
    tables = filter(lake.exists, TARGETS.values())
    return frozenset(t.name for t in tables if not lake.table(t).join(ids, "record_id", "left_semi").isEmpty())
