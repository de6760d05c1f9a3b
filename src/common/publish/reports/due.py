"""Which periods of a report are looked at: new ones, those that late rows may change, and those with a wrong file."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import takewhile

from common.publish.reports.found import Found
from common.publish.reports.period import Period, backwards, newest_over
from common.publish.reports.report import Report


def is_open(report: Report, period: Period, clock: datetime) -> bool:
    """Whether rows that come late are still taken in."""
    return period.end > (clock - report.delay - report.reopen).date()


def periods_due(
    report: Report, events: tuple[date, datetime], found: Mapping[Period, Found], must_look: Callable[[Found], bool]
) -> list[Period]:
    """The periods to look at, oldest first; `events` are the first one's day, and the time of the newest.

    Those that are open, and the newest that is over; those without a file since the oldest that has one, or since the
    report's `since`; those whose file is gone or changed, and those of `must_look`, however old.
    """
    begin, clock = events
    newest = newest_over(report.period, clock, report.delay)
    recent = {newest, *takewhile(lambda period: is_open(report, period, clock), backwards(report.period, newest))}
    wrong = {period for period, file in found.items() if not file.is_intact or must_look(file)}
    new = {period for period in recent | missing_periods(report, newest, found) if period.end > begin}
    return sorted(wrong | {period for period in new if report.since is None or period.end > report.since})


def missing_periods(report: Report, newest: Period, found: Mapping[Period, Found]) -> set[Period]:
    """The periods without a file, up to one, since the oldest that has one, or since the report's `since`."""
    first = report.since or min(found, default=newest).start
    since = takewhile(lambda period: period.end > first, backwards(report.period, newest))
    return {period for period in since if period not in found}
