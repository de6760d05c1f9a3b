"""The periods of reports: whole days, weeks from Monday on, and months, UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Rhythm = Literal["day", "week", "month", "run"]
"""How often a report is written; `run`: there is one file, which is replaced when its content has changed."""
EARLIEST = date(1990, 1, 1)
"""No payment is of before (`contracts.conventions`)."""
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """A period from the beginning of `start` to just before `end`."""

    start: date
    end: date


def period_of(rhythm: Rhythm, day: date) -> Period:
    """The period that a day lies in.

    Raises:
        ValueError: the rhythm has no periods.
    """
    if rhythm == "day":
        return Period(day, day + _A_DAY)
    if rhythm == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + 7 * _A_DAY)
    if rhythm == "month":
        first = day.replace(day=1)
        return Period(first, (first + 31 * _A_DAY).replace(day=1))
    raise ValueError(rhythm)


def newest_over(rhythm: Rhythm, clock: datetime, delay: timedelta) -> Period:
    """The newest period that was over `delay` before the clock."""
    return period_of(rhythm, period_of(rhythm, (clock - delay).date()).start - _A_DAY)


def backwards(rhythm: Rhythm, newest: Period) -> Iterator[Period]:
    """A period and all before it, newest first, as long ago as there can be payments."""
    period = newest
    while period.start >= EARLIEST:
        yield period
        period = period_of(rhythm, period.start - _A_DAY)
