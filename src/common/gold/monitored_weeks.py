"""Which weeks of gold.model_monitoring are due, what is kept of them, and what is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.monitoring import MODEL_MONITORING, PERFORMANCE
from common.features.labels import labels_since
from common.gold.lookup import dates_of_transactions
from common.ml.monitoring.measured import Measured
from common.ml.monitoring.weeks import WEEK, Week, monday
from common.ml.window import whole_day
from common.settings import LABEL_DELAY_DAYS, UNCOMMITTED_HOURS
from common.storage.lake import Lake
from common.storage.recent import newest_time, utc

SHOWN_WEEKS = 26
"""Weeks that verdicts and plots look back at."""

_MEASURED = tuple(field.name for field in fields(Measured))


@dataclass(frozen=True)
class Due:
    """Mondays of the weeks to measure, and the day (exclusive) up to which transactions are whole."""

    weeks: tuple[date, ...]
    whole_until: date

    def is_mature(self, week: Week) -> bool:
        """Whether the labels of the week are known."""
        return _is_mature(week.start, self.whole_until)


def due_weeks(lake: Lake) -> Due:
    """The weeks that are over since the last run, whose labels are mature since, or that something late is about.

    The clock is the newest transaction that was scored, not the wall. What is late is found by the time at which it
    was scored or came in, after the newest figure was computed; a while before that counts too, as a write that had
    begun then may have been committed later.
    """
    scores = lake.table(TRANSACTION_SCORES)
    newest = newest_time(scores)
    if newest is None:
        return Due((), date.min)
    whole_until = whole_day(newest).date()
    kept = {row["period_start"]: row for row in _kept(lake)}
    since = max((row["computed"] for row in kept.values()), default=None)
    late = _touched(lake, None if since is None else utc(since) - timedelta(hours=UNCOMMITTED_HOURS))
    if kept:
        late |= {week for week, row in kept.items() if _is_mature(week, whole_until) and not row["is_judged"]}
        late |= set(_weeks(max(kept) + WEEK, whole_until))
    return Due(tuple(sorted(week for week in late if week + WEEK <= whole_until)), whole_until)


def kept_weeks(lake: Lake, version: str) -> dict[date, list[Measured]]:
    """The newest figures of a version, by the Monday of their week."""
    rows = recent_figures(lake).where(F.col("model_version") == version)
    weeks: dict[date, list[Measured]] = {}
    for row in rows.orderBy("period_start", "metric", "subject").collect():
        weeks.setdefault(row["period_start"], []).append(_measured(row))
    return weeks


def recent_figures(lake: Lake) -> DataFrame:
    """The rows of gold.model_monitoring of the last `SHOWN_WEEKS` weeks that there are."""
    rows = lake.table(MODEL_MONITORING)
    newest = rows.agg(F.max("period_start")).collect()[0][0]
    return rows.where(F.col("period_start") > F.lit((newest or date.min + SHOWN_WEEKS * WEEK) - SHOWN_WEEKS * WEEK))


def write_weeks(
    lake: Lake, weeks: Iterable[date], measured: Mapping[tuple[str, date], Sequence[Measured]], computed_at: datetime
) -> int:
    """Makes the table's rows of these weeks what was measured of them; returns how many figures changed.

    In one commit, so that a run that is killed leaves all or nothing. A figure that came to the same stays as it is.
    """
    existing = lake.table(MODEL_MONITORING).where(F.col("period_start").isin(sorted(weeks))).collect()
    before = {_key(row["model_version"], row["period_start"], m := _measured(row)): m for row in existing}
    now = {_key(version, week, m): m for (version, week), figures in measured.items() for m in figures}
    gone = {key: m for key, m in before.items() if key not in now}
    changed = {key: m for key, m in now.items() if before.get(key) != m}
    rows = [
        (key[0], key[1], key[1] + WEEK, *astuple(m), computed_at, operation)
        for part, operation in ((gone, "delete"), (changed, "upsert"))
        for key, m in part.items()
    ]
    if rows:
        names = ("model_version", "period_start", "period_end", *_MEASURED, "computed_at", "operation")
        types = {column.name: column.type for column in MODEL_MONITORING.columns} | {"operation": "string"}
        schema = ", ".join(f"{name} {types[name]}" for name in names)
        lake.apply_changes(lake.spark.createDataFrame(rows, schema), MODEL_MONITORING)
    return len(rows)


def _kept(lake: Lake) -> list[Row]:
    is_judged = F.max(F.col("metric").isin(*PERFORMANCE)).alias("is_judged")
    computed = F.max(F.unix_micros("computed_at")).alias("computed")
    return lake.table(MODEL_MONITORING).groupBy("period_start").agg(is_judged, computed).collect()


def _touched(lake: Lake, since: datetime | None) -> set[date]:
    """The weeks that rows scored, or labels that came, since a moment are about; None: all there are."""
    live = lake.table(TRANSACTION_SCORES).where("NOT is_backfill").select("transaction_id", "event_date", "scored_at")
    if since is None:
        return {monday(row[0]) for row in live.select("event_date").distinct().collect()}
    scored = live.where(F.col("scored_at") >= F.lit(since)).select("event_date").distinct()
    days = {row[0] for row in scored.collect()}
    labelled = labels_since(lake, since)
    times = F.unix_micros("reported_at")
    first, last = labelled.agg(F.min(times), F.max(times)).collect()[0]
    if first is not None:
        found = labelled.select("transaction_id", "reported_at")
        transactions = live.select("transaction_id", "event_date")
        days |= dates_of_transactions(found, transactions, utc(first), utc(last))
    return set(map(monday, days))


def _weeks(first: date, until: date) -> Iterable[date]:
    while first < until:
        yield first
        first += WEEK


def _is_mature(week: date, whole_until: date) -> bool:
    return week + WEEK + timedelta(LABEL_DELAY_DAYS) <= whole_until


def _measured(row: Row) -> Measured:
    return Measured(**{name: row[name] for name in _MEASURED})


def _key(version: str, week: date, measured: Measured) -> tuple[str, date, str, str]:
    return version, week, measured.metric, measured.subject
