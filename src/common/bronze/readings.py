"""In which ways the files of a feed were read that bronze has: kept in a small file, so that no query has to look.

A record's reading is in its column `read_as`. Where the declaration of a feed changes so that files would be read
otherwise, what is there stays until a person asks for it to be read again; a warning says so, and how.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from common.contracts.bronze import bronze_table
from common.settings import Settings
from common.sources.feed import Feed, FeedAt
from common.sources.source_ref import path_of
from common.storage.files import write_whole
from common.storage.lake import Lake


@dataclass(frozen=True)
class Readings:
    """The readings that a feed's bronze table may hold; of some, nothing can be read again, as the files are gone."""

    found: frozenset[str]
    of_gone_files: frozenset[str] = frozenset()

    def others(self, declared: str) -> list[str]:
        """The readings that aren't the declared one, of files that may be there."""
        return sorted(self.found - self.of_gone_files - {declared})


NOTE = "readings"
"""The kind of the note that keeps them."""


def kept_readings(at: FeedAt) -> Readings | None:
    """The readings of a feed as they were noted; None where that isn't known."""
    try:
        content = json.loads(at.note(NOTE).read_text(encoding="utf-8"))
        return Readings(frozenset(content["readings"]), frozenset(content["of_gone_files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_readings(at: FeedAt, readings: Readings) -> None:
    """Notes the readings of a feed."""
    content = {"readings": sorted(readings.found), "of_gone_files": sorted(readings.of_gone_files)}
    write_whole(at.note(NOTE), json.dumps(content))


def readings_in(lake: Lake, feed_name: str, declared: str) -> frozenset[str]:
    """The readings that the bronze table holds, by a query.

    What a release read that did not note it counts as read in the way that is declared: nothing says otherwise.
    """
    bronze = bronze_table(feed_name)
    if lake.version(bronze) < 1:  # it was just made: a first run asks for nothing
        return frozenset()
    rows = lake.table(bronze).select(F.coalesce("read_as", F.lit(declared))).distinct().collect()
    return frozenset(row[0] for row in rows)


def note_declared(lake: Lake, at: FeedAt, feed: Feed) -> Readings:
    """Notes the declared reading before files are read by it; all readings that bronze may hold then."""
    declared = feed.reading
    known = kept_readings(at)
    before = known or Readings(readings_in(lake, at.name, declared))
    now = Readings(before.found | {declared}, before.of_gone_files - {declared})
    if now != known:
        keep_readings(at, now)
    return now


def is_other(declared: str, readings: Readings | None = None) -> Column:
    """Whether a bronze record was read otherwise than is declared, or nobody knows how; without those of gone files."""
    other = ~F.col("read_as").eqNullSafe(F.lit(declared))
    gone = sorted(readings.of_gone_files) if readings else []
    return other & ~F.coalesce(F.col("read_as").isin(gone), F.lit(False)) if gone else other


def reading_warning(lake: Lake, at: FeedAt, feed: Feed, readings: Readings) -> str:
    """A warning where bronze has records that were read otherwise than is declared; else an empty text."""
    declared = feed.reading
    others = readings.others(declared) if feed.can_reread else []
    if not others:
        return ""
    bronze = lake.table(bronze_table(at.name)).where(is_other(declared, readings))
    row = bronze.agg(F.count("*"), F.countDistinct(path_of(F.col("source_ref")))).first()
    if row is None or not row[0]:  # nothing was read in that way
        keep_readings(at, Readings(readings.found - {*others}, readings.of_gone_files))
        return ""
    records, files = counted(row[0], "record"), counted(row[1], "file")
    return (
        f"it holds {records} of {files}, read {how_they_were_read(others)}, while the feed is declared as {declared} "
        f"now. {way_to_reread(lake.settings, at.name)}"
    )


def read_otherwise(at: FeedAt, feed: Feed) -> str:
    """The words of a message where bronze may have records that were read otherwise than is declared; else empty."""
    declared = feed.reading
    readings = kept_readings(at)
    others = readings.others(declared) if readings else []
    if not others:
        return ""
    way = way_to_reread(at.settings, at.name)
    return f"they were read {how_they_were_read(others)}, and the feed is declared as {declared} now. {way}"


def how_they_were_read(readings: Iterable[str]) -> str:
    """Readings in words."""
    return " or ".join(f"as {reading}" for reading in readings)


def way_to_reread(settings: Settings, feed_name: str) -> str:
    """The words of a message for what reads a feed's files again."""
    command = settings.platform.run_job_with.format(job="lakehouse", parameter=f"reread={feed_name}")
    return (
        f"To read the files again, and replace what they gave in all tables: {command} and this run's other parameters"
    )


def counted(number: int, thing: str) -> str:
    """A number with the name of what it counts, in singular or plural."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
