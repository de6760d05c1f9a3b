"""Which weeks are whole and live, and whose they are."""

from datetime import timedelta

import pytest
from monitoring_builders import FIRST

from common.ml.monitoring.weeks import WEEK, Day, monday, whole_weeks


def days_of(version: str, first: int, last: int, rows: int = 10, backfill: int = 0) -> list[Day]:
    """Days of the world from the first Monday on, by number; the last is exclusive."""
    return [Day(FIRST + timedelta(number), version, rows, backfill) for number in range(first, last)]


@pytest.mark.parametrize(("number", "expected"), [(0, 0), (6, 0), (7, 7), (13, 7)])
def test_a_week_begins_on_monday(number: int, expected: int) -> None:
    assert monday(FIRST + timedelta(number)) == FIRST + timedelta(expected)


def test_a_week_counts_once_it_is_over() -> None:
    days = days_of("1", 0, 14)

    assert [week.start for week in whole_weeks(days, FIRST + timedelta(13))] == [FIRST]
    assert [week.start for week in whole_weeks(days, FIRST + timedelta(14))] == [FIRST, FIRST + WEEK]
    assert [week.rows for week in whole_weeks(days, FIRST + timedelta(14))] == [70, 70]


def test_a_week_that_is_backfill_in_part_is_left_out() -> None:
    """The model went live on the Thursday of the first week."""
    days = [*days_of("1", 0, 3, rows=0, backfill=10), *days_of("1", 3, 14)]

    assert [week.start for week in whole_weeks(days, FIRST + 2 * WEEK)] == [FIRST + WEEK]


def test_a_late_transaction_which_is_backfill_of_a_later_model_takes_no_week_away() -> None:
    days = [*days_of("1", 0, 7), *days_of("2", 2, 3, rows=0, backfill=1)]

    (week,) = whole_weeks(days, FIRST + WEEK)
    assert (week.version, week.rows) == ("1", 70)


def test_a_day_without_transactions_takes_no_week_away() -> None:
    assert [week.rows for week in whole_weeks(days_of("1", 0, 6), FIRST + WEEK)] == [60]


def test_a_week_belongs_to_the_version_that_scored_most_of_it() -> None:
    (mixed,) = whole_weeks([*days_of("9", 0, 3), *days_of("10", 3, 7)], FIRST + WEEK)
    (even,) = whole_weeks([*days_of("9", 0, 7), *days_of("10", 0, 7)], FIRST + WEEK)

    assert (mixed.version, mixed.rows) == ("10", 70)
    assert even.version == "10", "the later one"


def test_a_week_without_live_transactions_is_none() -> None:
    assert whole_weeks(days_of("1", 0, 7, rows=0), FIRST + WEEK) == []
