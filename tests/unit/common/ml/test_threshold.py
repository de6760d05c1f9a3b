import pandas as pd
import pytest
from ml_builders import judged, random_judged

from common.ml.review import card_days
from common.ml.threshold import alerted_cards, threshold_for


@pytest.mark.parametrize("cards_per_day", [1, 3, 10, 20])
def test_the_threshold_gives_about_the_budget_and_never_more(cards_per_day: int) -> None:
    frame = random_judged(11, days=7, a_day=200, cards=150)
    threshold = threshold_for(frame, cards_per_day)
    a_day = alerted_cards(card_days(frame), threshold) / 7
    assert cards_per_day - 0.5 <= a_day <= cards_per_day


def test_a_budget_that_nothing_fills_alerts_every_score_above_zero() -> None:
    assert threshold_for(judged((0, "a", 0.2, False), (0, "b", 0.0, False)), 10) == 0.0


def test_ties_stay_within_the_budget() -> None:
    frame = judged(*((0, f"c{n}", 0.5, False) for n in range(20)), (0, "x", 0.9, True))
    assert threshold_for(frame, 5) == 0.5
    assert threshold_for(judged(*((0, f"c{n}", 0.5, False) for n in range(20))), 5) == 0.5


def test_alerts_on_a_card_found_earlier_cost_nothing() -> None:
    days = card_days(judged((0, "a", 0.9, True), (1, "a", 0.9, True), (1, "b", 0.8, False), (2, "b", 0.8, False)))
    assert alerted_cards(days, 0.5) == 3
    assert alerted_cards(days, 0.85) == 1


def test_no_days_give_a_threshold_all_the_same() -> None:
    assert threshold_for(pd.DataFrame(judged((0, "a", 0.2, False))).iloc[:0], 10) == 0.0
