"""What monitoring reads of scores and reports: each a query over all weeks that are due."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS
from common.features.labels import known_labels, last_labels
from common.features.reach import stretches, within
from common.ml.monitoring.histograms import COUNTED, SCORE, Edges, counter, summed
from common.ml.monitoring.training_window import rule_counts
from common.ml.monitoring.weeks import WEEK, Day, Week
from common.ml.review import JUDGED, card_of
from common.rules import RULES
from common.storage.lake import Lake
from common.storage.recent import utc

REPORTS_WEEKS_BACK = 8
"""Weeks before the first that is due in which the newest report is looked for."""

_COUNTS = "NOT is_backfill"
_CARD = "coalesce(account_id, customer_id, transaction_id)"


def scored_days(lake: Lake, weeks: Iterable[date]) -> list[Day]:
    """What each version scored on each day of weeks that are named by their Mondays."""
    counts, is_alert = F.expr(_COUNTS), F.expr(IS_ALERT)
    rows = _of_weeks(lake, weeks).groupBy("event_date", "model_version")
    found = rows.agg(
        F.count_if(counts).alias("rows"),
        F.count_if(~counts).alias("backfill"),
        F.count_if(is_alert).alias("alerts"),
        F.size(F.collect_set(F.when(is_alert, F.expr(_CARD)))).alias("alerted_cards"),
        F.max(F.when(counts, F.unix_micros("event_time"))).alias("newest"),
        *rule_counts(counts),
    ).collect()
    return [
        Day(
            day=row["event_date"],
            version=row["model_version"],
            rows=row["rows"],
            backfill=row["backfill"],
            alerts=row["alerts"],
            alerted_cards=row["alerted_cards"],
            hours_behind=_hours_until(_midnight(row["event_date"] + timedelta(1)), row["newest"]),
            rules={rule.name: row[rule.name] for rule in RULES},
        )
        for row in found
    ]


def week_counts(
    lake: Lake, weeks: Sequence[Week], edges: Mapping[str, Edges], offered: Mapping[str, frozenset[str]]
) -> dict[date, Mapping[str, np.ndarray]]:
    """The counts of each week, by subject, in the bins of its version.

    The features as the scorer saw them. In the rows of another version a feature that was added since is null, which
    says nothing of the payments: they count for the features that their version was offered, and not for the score.

    Args:
        lake: where.
        weeks: to count.
        edges: by version.
        offered: by each version that scored, the features that it could choose from in training.

    """
    computed = {*FEATURE_NAMES, SCORE}
    by_part: dict[str, Edges] = {}
    for week in weeks:
        known = {subject: of for subject, of in edges[week.version].items() if subject in computed}
        for version in week.versions:
            counts = known if version == week.version else _only(known, offered[version])
            by_part[_part(week, version)] = counts
    wanted = sorted({subject for of in by_part.values() for subject in of if subject != SCORE})
    part = F.concat_ws(" ", F.date_format(_week(), "yyyy-MM-dd"), "model_version")
    scores = _of_weeks(lake, [week.start for week in weeks]).where(_COUNTS).withColumn("period", part)
    columns = {name: F.col(f"features.{name}") for name in wanted} | {SCORE: F.col(SCORE)}
    frames = scores.select("period", *(column.cast("double").alias(name) for name, column in columns.items()))
    found = frames.mapInPandas(counter(by_part), COUNTED).groupBy("period", "subject", "bin").agg(F.sum("rows"))
    counts_of = summed(((row[0], row[1], row[2], row[3]) for row in found.collect()), by_part)
    return {week.start: _together(week, counts_of) for week in weeks}


def newest_reports(lake: Lake, weeks: Sequence[Week]) -> dict[date, float | None]:
    """Hours from the newest report that had come in by each week's end to that end, by Monday.

    None where there was none in the weeks before either: the source may have no reports.
    """
    first, last = min(week.start for week in weeks), max(week.end for week in weeks)
    since = first - REPORTS_WEEKS_BACK * WEEK
    reported = lake.table(FRAUD_REPORTS).where(
        (F.col("reported_at") >= F.lit(_midnight(since))) & (F.col("reported_at") < F.lit(_midnight(last)))
    )
    by_week = reported.groupBy(F.to_date(F.date_trunc("week", "reported_at"))).agg(F.max(F.unix_micros("reported_at")))
    newest = {row[0]: row[1] for row in by_week.collect()}
    found: dict[date, float | None] = {}
    for week in weeks:
        before = [micros for monday, micros in newest.items() if monday <= week.start]
        found[week.start] = _hours_until(_midnight(week.end), max(before)) if before else None
    return found


def judged_rows(lake: Lake, weeks: Sequence[Week]) -> dict[date, pd.DataFrame]:
    """Transactions of weeks with the columns of `review.JUDGED`, by Monday; labels by all that is known so far.

    In the order of event_time and transaction_id, so that the same rows give the same figures to the last bit.
    """
    if not weeks:
        return {}
    ids = ("transaction_id", "event_time", "customer_id", "account_id")
    scores = _of_weeks(lake, [week.start for week in weeks]).where(_COUNTS)
    labelled = scores.join(last_labels(known_labels(lake)), "transaction_id", "left")
    columns = {"is_fraud": F.coalesce("is_fraud", F.lit(False)), "amount_eur": F.col("amount_eur").cast("double")}
    shown = labelled.select(*ids, SCORE, _week().alias("week"), *(of.alias(name) for name, of in columns.items()))
    rows = shown.toPandas().sort_values(["event_time", "transaction_id"], ignore_index=True)
    rows = rows.assign(card=card_of(rows))
    return {week.start: rows.loc[rows["week"] == week.start, list(JUDGED)] for week in weeks}


def _of_weeks(lake: Lake, weeks: Iterable[date]) -> DataFrame:
    days = stretches((week, week + WEEK - timedelta(1)) for week in weeks)
    return lake.table(TRANSACTION_SCORES).where(within("event_date", days))


def _part(week: Week, version: str) -> str:
    """What one version scored in a week."""
    return f"{week.start} {version}"


def _only(edges: Edges, subjects: frozenset[str]) -> Edges:
    return {subject: of for subject, of in edges.items() if subject in subjects}


def _together(week: Week, counts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The counts of a week, of all versions that count for a subject."""
    parts = [counts[_part(week, version)] for version in week.versions]
    subjects = counts[_part(week, week.version)]
    return {subject: np.sum([part[subject] for part in parts if subject in part], axis=0) for subject in subjects}


def _week() -> Column:
    return F.to_date(F.date_trunc("week", "event_date"))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _hours_until(end: datetime, micros: int | None) -> float:
    return 0.0 if micros is None else (end - utc(micros)) / timedelta(hours=1)
