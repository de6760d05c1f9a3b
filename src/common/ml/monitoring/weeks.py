"""Weeks, from Monday to Sunday, UTC: the periods that are monitored. Each has one weekend, whatever the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

WEEK = timedelta(7)


@dataclass(frozen=True)
class Day:
    """What one version scored on one day: rows that count, rows of backfill, and what became of the first.

    `hours_behind`: hours from the newest transaction of the day to the day's end.
    """

    day: date
    version: str
    rows: int
    backfill: int
    alerts: int = 0
    alerted_cards: int = 0
    hours_behind: float = 0.0
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Week:
    """A whole week, the version that it belongs to, and its days, of other versions too."""

    start: date
    version: str
    days: Sequence[Day]

    @property
    def end(self) -> date:
        """The day after it."""
        return self.start + WEEK

    @property
    def versions(self) -> frozenset[str]:
        """All versions that scored in it."""
        return frozenset({self.version, *(day.version for day in self.days)})

    @property
    def rows(self) -> int:
        """Transactions that count."""
        return sum(day.rows for day in self.days)


def monday(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(day.weekday())


def whole_weeks(days: Iterable[Day], whole_until: date) -> list[Week]:
    """The weeks that are over by `whole_until` (exclusive) and hold no day that is backfill more than not.

    A week belongs to the version that scored most of its rows; of two with as many, to the later one. A transaction
    that comes late is backfill of a model that was trained since; single ones don't matter.
    """
    by_week: dict[date, list[Day]] = {}
    for day in days:
        by_week.setdefault(monday(day.day), []).append(day)
    return [
        Week(start, _owner(of), tuple(of))
        for start, of in sorted(by_week.items())
        if start + WEEK <= whole_until and _is_live(of)
    ]


def _is_live(days: Sequence[Day]) -> bool:
    dates = {day.day for day in days}
    rows, backfill = (
        np.array([sum(getattr(day, name) for day in days if day.day == one) for one in dates])
        for name in ("rows", "backfill")
    )
    return bool((rows >= backfill).all()) and bool(rows.any())


def _owner(days: Sequence[Day]) -> str:
    rows: dict[str, int] = {}
    for day in days:
        rows[day.version] = rows.get(day.version, 0) + day.rows
    return max(rows, key=lambda version: (rows[version], len(version), version))
