"""What is expected of the feeds behind the tables: they go on, and bring as much as before.

The clock is the lakehouse's own newest event, not the time of day: the data may be historical, and a feed
that stops while others go on is named all the same.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.checks.extents import NOTHING, Extent, Extents, extents, from_day, together
from common.checks.findings import Finding
from common.checks.promises import recent_by
from common.checks.volume import fewest_rows
from common.contracts.table import Freshness, Table, Volume
from common.storage.lake import Lake

DAYS_BEFORE = 7
"""A day's volume is measured by this many days before it."""

HOUR = timedelta(hours=1)


def check_expectations(lake: Lake, tables: Iterable[Table], known: Extents = NOTHING) -> list[Finding]:
    """Checks the declared freshness and volume of tables that are there.

    Nothing is expected of an empty table: its source may have no such feed.
    """
    expecting = [table for table in tables if table.expectations]
    reach = extents(lake, expecting, known)
    filled = [table for table in expecting if reach[table.name].rows]
    fresh = [(table, promise) for table in filled for promise in table.expectations if isinstance(promise, Freshness)]
    newest = _newest(lake, fresh, reach)
    ticks = [newest[table.name] for table, promise in fresh if promise.moves_clock and table.name in newest]
    if not ticks:
        return []
    now = max(ticks)
    findings = [_freshness(table, promise, newest[table.name], now) for table, promise in fresh if table.name in newest]
    voluminous = [(table, promise) for table in filled for promise in table.expectations if isinstance(promise, Volume)]
    # A day is whole once the lakehouse holds an event of its last hour.
    findings += _volumes(lake, voluminous, (now + HOUR).date() - timedelta(days=1))
    return findings


def _newest(
    lake: Lake, fresh: Iterable[tuple[Table, Freshness]], reach: Mapping[str, Extent]
) -> Mapping[str, datetime]:
    """By table, the newest value of its time column, looked for in its newest day."""
    parts = [
        _newest_day(lake, table, reach[table.name].newest).agg(
            F.lit(table.name).alias("table"),
            F.unix_micros(F.max(promise.column).cast("timestamp")).alias("micros"),
        )
        for table, promise in fresh
    ]
    found = {row["table"]: row["micros"] for row in together(parts)}
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return {name: start + timedelta(microseconds=micros) for name, micros in found.items() if micros is not None}


def _newest_day(lake: Lake, table: Table, day: date | None) -> DataFrame:
    column = recent_by(table)
    return lake.table(table) if column is None else lake.table(table).where(from_day(column, day))


def _freshness(table: Table, promise: Freshness, newest: datetime, now: datetime) -> Finding:
    behind = (now - newest) / HOUR
    details = (
        f"the newest {promise.column} ({newest:%Y-%m-%d %H:%M}) is {max(behind, 0):,.0f} hours behind the newest event "
        f"of the lakehouse ({now:%Y-%m-%d %H:%M}); at most {promise.max_hours}"
    )
    return Finding(table.name, "freshness", behind <= promise.max_hours, details, promise.severity)


def _volumes(lake: Lake, voluminous: Iterable[tuple[Table, Volume]], day: date) -> list[Finding]:
    voluminous = list(voluminous)
    first = day - timedelta(days=DAYS_BEFORE)
    parts = [
        lake.table(table)
        .where((F.col(promise.column) >= F.lit(first)) & (F.col(promise.column) < F.lit(day + timedelta(days=1))))
        .groupBy(F.lit(table.name).alias("table"), F.to_date(promise.column).alias("day"))
        .count()
        for table, promise in voluminous
    ]
    rows = {(row["table"], row["day"]): row["count"] for row in together(parts)}
    days = [first + timedelta(days=number) for number in range(DAYS_BEFORE + 1)]
    findings = (
        _volume(table, promise, day, [rows.get((table.name, each), 0) for each in days])
        for table, promise in voluminous
    )
    return [finding for finding in findings if finding is not None]


def _volume(table: Table, promise: Volume, day: date, counts: list[int]) -> Finding | None:
    *before, of_day = counts
    fewest = fewest_rows(before, promise.min_share)
    if fewest is None:
        return None
    details = (
        f"{of_day:,} rows on {day}, the newest whole day; at least {fewest:,.1f} are expected after days of "
        f"{', '.join(f'{rows:,}' for rows in before)}"
    )
    return Finding(table.name, "volume", of_day >= fewest, details, promise.severity)
