"""Which periods are looked at, against what one would say by hand."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_builders import DAILY, a_report

from common.publish.reports.due import periods_due
from common.publish.reports.found import Found
from common.publish.reports.manifest import Manifest
from common.publish.reports.period import Period, Rhythm, newest_over, period_of
from common.publish.reports.report import Report

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


def intact(file: str) -> Found:
    manifest = Manifest(
        output="reports",
        report="daily",
        file=file,
        period_start=None,
        period_end=None,
        rows=0,
        bytes=0,
        sha256="same",
        edition=1,
        query=DAILY,
        columns={},
        delimiter=",",
        encoding="utf-8",
        tables={},
        written_at="",
    )
    return Found(manifest, "same")


def files(report: Report, days: Iterable[date]) -> dict[Period, Found]:
    return {period: intact(report.file_of(period)) for period in (period_of(report.period, day) for day in days)}


def due(report: Report, found: dict[Period, Found], first: date = date(2000, 1, 1)) -> list[date]:
    return [period.start for period in periods_due(report, (first, NOON), found, lambda _: False)]


@given(st.dates(date(1995, 1, 1), date(2100, 1, 1)), st.sampled_from(["day", "week", "month"]))
def test_periods_follow_each_other_without_gap(day: date, rhythm: Rhythm) -> None:
    period = period_of(rhythm, day)
    assert period.start <= day < period.end
    assert period_of(rhythm, period.end).start == period.end
    assert period_of(rhythm, period.end - timedelta(days=1)) == period
    assert rhythm != "week" or period.start.weekday() == 0
    assert rhythm != "month" or period.start.day == 1


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.sampled_from(["day", "week", "month"]),
)
def test_a_period_is_over_when_the_delay_has_passed(clock: datetime, delay: timedelta, rhythm: Rhythm) -> None:
    def is_over(period: Period) -> bool:
        return datetime.combine(period.end, datetime.min.time()) + delay <= clock

    newest = newest_over(rhythm, clock, delay)
    assert is_over(newest)
    assert not is_over(period_of(rhythm, newest.end))


def test_the_first_run_begins_with_what_is_open() -> None:
    assert due(a_report(reopen="3 days"), {}) == [date(2025, 3, 7), date(2025, 3, 8), date(2025, 3, 9)]
    assert due(a_report(reopen="0 days"), {}) == [date(2025, 3, 9)]


def test_the_first_run_may_begin_earlier() -> None:
    assert due(a_report(since=date(2025, 3, 5)), {}) == [date(2025, 3, day) for day in range(5, 10)]


def test_nothing_is_of_before_the_declared_beginning() -> None:
    assert due(a_report(since=date(2025, 3, 9)), {}) == [date(2025, 3, 9)]
    assert due(a_report(since=date(2025, 4, 1)), {}) == []


def test_nothing_is_of_before_the_first_transaction() -> None:
    assert due(a_report(reopen="30 days"), {}, date(2025, 3, 8)) == [date(2025, 3, 8), date(2025, 3, 9)]
    assert due(a_report(since=date(2025, 3, 5)), {}, date(2025, 3, 9)) == [date(2025, 3, 9)]
    assert due(a_report(), {}, date(2025, 3, 10)) == []


def test_days_without_a_run_are_made_up_for() -> None:
    report = a_report(reopen="1 day")
    there = files(report, [date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 5)])
    assert due(report, there) == [date(2025, 3, day) for day in (3, 4, 6, 7, 8, 9)]


def test_old_files_that_are_taken_away_stay_away() -> None:
    report = a_report(reopen="0 days")
    assert due(report, files(report, [date(2025, 3, 7), date(2025, 3, 8), date(2025, 3, 9)])) == [date(2025, 3, 9)]


@pytest.mark.parametrize("wrong", [Found(intact("x").manifest, None), Found(intact("x").manifest, "y")])
def test_a_file_that_is_not_right_is_looked_at_however_old(wrong: Found) -> None:
    report = a_report(reopen="0 days")
    there = files(report, [date(2025, 1, 1) + timedelta(days=n) for n in range(68)])
    there[period_of("day", date(2025, 1, 2))] = wrong
    assert due(report, there) == [date(2025, 1, 2), date(2025, 3, 9)]


def test_the_newest_month_is_looked_at_until_the_next_is_over() -> None:
    report = a_report(period="month", file="m_{period:%Y-%m}.csv", reopen="2 days")
    assert due(report, {}) == [date(2025, 2, 1)]
    assert due(report, files(report, [date(2025, 1, 1), date(2025, 2, 1)])) == [date(2025, 2, 1)]
