"""The page of data quality: which checks hold, what was quarantined and why, and that nothing was lost."""

import pandas as pd

from apps.dashboard.queries.ask import Ask
from apps.dashboard.queries.days import Days
from apps.dashboard.roles import Role
from common.contracts.ops import BATCHES, QUALITY_RESULTS
from common.contracts.silver import QUARANTINE

SHOWN = 200
"""Quarantined records that are listed at most, the newest first."""


def last_checks(ask: Ask) -> pd.DataFrame:
    """The newest outcome of each check: subject, check_name, severity, passed, details, checked_at. Those first that
    don't hold.
    """
    newest = "row_number() OVER (PARTITION BY subject, check_name ORDER BY checked_at DESC) AS place"
    return ask(
        "SELECT subject, check_name, severity, passed, details, checked_at FROM "
        f"(SELECT *, {newest} FROM {QUALITY_RESULTS.name}) AS ranked WHERE place = 1 "
        "ORDER BY passed, severity, subject, check_name"
    )


def quarantined_by_check(ask: Ask) -> pd.DataFrame:
    """How many records each check has quarantined: target, check_name, records. A record may have failed several."""
    failed = f"SELECT target, explode(failed_checks) AS failed FROM {QUARANTINE.name}"
    return ask(
        f"SELECT target, failed.name AS check_name, count(*) AS records FROM ({failed}) AS each_one "
        "GROUP BY target, failed.name ORDER BY records DESC, target, check_name"
    )


def quarantined(ask: Ask, role: Role, days: Days | None = None) -> pd.DataFrame:
    """The newest quarantined records, with their reasons; as received, for who may see persons."""
    columns = ", ".join(role.readable(QUARANTINE, "quarantined_at", "target", "feed", "source_ref", "payload"))
    when = f" WHERE {days.where_time('quarantined_at')}" if days else ""
    return ask(
        f"SELECT {columns}, failed_checks FROM {QUARANTINE.name}{when} "
        f"ORDER BY quarantined_at DESC, target, record_id LIMIT {SHOWN}"
    ).pipe(_worded)


def conservation(ask: Ask) -> pd.DataFrame:
    """By feed and target, what became of the records read; `lost` are those of which nothing is known."""
    parts = ("records_read", "accepted", "duplicates", "quarantined", "not_selected")
    sums = ", ".join(f"sum({name}) AS {name}" for name in parts)
    found = ask(
        f"SELECT feed, target, {sums} FROM {BATCHES.name} WHERE kind = 'stream' GROUP BY feed, target "
        "ORDER BY feed, target"
    )
    return found.assign(lost=found["records_read"] - found[list(parts[1:])].sum(axis=1))


def _worded(records: pd.DataFrame) -> pd.DataFrame:
    """The reasons in one text."""
    reasons = [", ".join(check["reason"] for check in checks) for checks in records["failed_checks"]]
    return records.drop(columns="failed_checks").assign(reasons=pd.Series(reasons, records.index, dtype=object))
