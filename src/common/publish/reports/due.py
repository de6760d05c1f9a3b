"""Which periods of a report are looked at: new ones, those that late rows may change, and those with a wrong file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import takewhile

from common.publish.reports.found import Found
from common.publish.reports.period import Period, backwards, newest_over
from common.publish.reports.report import Report


def periods_over(report: Report, clock: datetime) -> list[Period]:
    """The periods that are over, newest first, as long ago as a file can be of."""
    return list(backwards(report.period, newest_over(report.period, clock, report.delay)))


def is_open(report: Report, period: Period, clock: datetime) -> bool:
    """Whether rows that come late are still taken in."""
    return period.end > (clock - report.delay - report.reopen).date()


def periods_due(
    report: Report,
    clock: datetime,
    found: Mapping[str, Found],
    must_look: Callable[[Found], bool],
) -> list[Period]:
    """The periods to look at, oldest first.

    Those that are open, and the newest that is over; those without a file since the oldest that has one, or since the
    report's `since`; those whose file or manifest is gone or changed, and those of `must_look`, however old.
    """
    over = periods_over(report, clock)
    if not over:
        return []
    kept = {period for period in over if report.file_of(period) in found}
    wrong = {period for period in kept if _is_wrong(found[report.file_of(period)], must_look)}
    recent = {over[0], *takewhile(lambda period: is_open(report, period, clock), over)}
    if report.since is not None:
        recent = {period for period in recent if period.end > report.since}
        first = report.since
    else:
        first = min(kept | recent).start
    missing = {period for period in over if period.end > first and period not in kept}
    return sorted(recent | missing | wrong)


def _is_wrong(file: Found, must_look: Callable[[Found], bool]) -> bool:
    return not file.is_intact or must_look(file)
