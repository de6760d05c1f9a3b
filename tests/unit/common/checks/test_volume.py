"""What a day should bring, against counts drawn by chance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from common.checks.volume import FEWEST_DAYS, fewest_rows

COUNTS = st.lists(st.integers(0, 10**6), max_size=7)


def test_half_of_a_usual_day_is_too_little() -> None:
    before = [1000, 1100, 900, 1000, 1050, 950, 1000]

    assert fewest_rows(before, 0.5) == 500
    assert fewest_rows(before, 0.9) == 900


def test_small_numbers_may_vary_by_chance() -> None:
    assert fewest_rows([9] * 7, 0.5) == 0
    assert fewest_rows([16] * 7, 0.5) == 4

    numbers = random.Random(4)
    days = [sum(numbers.random() < 0.01 for _ in range(1200)) for _ in range(500)]
    named = [day for day in range(7, 500) if days[day] < (fewest_rows(days[day - 7 : day], 0.5) or 0)]
    assert len(named) < 5


def test_the_days_before_a_feed_began_are_not_counted() -> None:
    assert fewest_rows([0, 0, 0, 0, 100, 100, 100], 0.5) == 50
    assert fewest_rows([0, 0, 0, 0, 0, 100, 100], 0.5) is None
    assert fewest_rows([], 0.5) is None


def test_an_outage_within_the_days_before_counts_as_days() -> None:
    assert fewest_rows([100, 0, 0, 0, 0, 0, 100], 0.5) == 0


@given(before=COUNTS, share=st.floats(0, 1))
def test_never_more_than_the_share_of_the_largest_day(before: list[int], share: float) -> None:
    fewest = fewest_rows(before, share)

    assert (fewest is None) == (len("".join("x" if n else "-" for n in before).lstrip("-")) < FEWEST_DAYS)
    if fewest is not None:
        assert 0 <= fewest <= share * max(before)
