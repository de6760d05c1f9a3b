import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_builders import judged, random_judged, review_by_hand

from common.ml.metrics import evaluate
from common.ml.review import card_days, card_of, reviewed


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), budget=st.integers(1, 12))
def test_a_review_equals_one_by_plain_loops(seed: int, budget: int) -> None:
    frame = random_judged(seed, days=4, a_day=40, cards=25)
    found = evaluate(frame, budget)
    assert (found.card_precision, found.recall, found.saved_eur) == pytest.approx(review_by_hand(frame, budget))


def test_the_cards_with_the_highest_scores_are_reviewed() -> None:
    frame = judged((0, "a", 0.9, True), (0, "b", 0.8, False), (0, "c", 0.7, True), (0, "d", 0.1, False))
    assert evaluate(frame, 1).card_precision == 1.0
    assert evaluate(frame, 2).card_precision == 0.5
    assert evaluate(frame, 3).card_precision == pytest.approx(2 / 3)


def test_a_card_counts_once_a_day_by_its_highest_score() -> None:
    frame = judged((0, "a", 0.1, True), (0, "a", 0.9, False), (0, "a", 0.8, True), (0, "b", 0.5, False))
    assert evaluate(frame, 1).card_precision == 1.0
    assert reviewed(card_days(frame), 1).query("is_reviewed")["card"].tolist() == ["a"]


def test_a_card_found_fraudulent_is_not_counted_again_but_its_later_frauds_are_stopped() -> None:
    frame = judged(
        (0, "a", 0.9, True, 100),
        (1, "a", 0.9, True, 30),
        (1, "b", 0.2, False),
        (2, "a", 0.9, True, 5),
        (2, "c", 0.1, True, 7),
    )
    found = evaluate(frame, 1)
    assert found.card_precision == pytest.approx((1 + 0 + 1) / 3)
    assert (found.recall, found.saved_eur, found.fraud_eur) == (1.0, 142.0, 142.0)


def test_a_genuine_card_that_was_reviewed_is_reviewed_again() -> None:
    frame = judged((0, "a", 0.9, False), (0, "b", 0.1, False), (1, "a", 0.9, True), (1, "b", 0.1, False))
    assert evaluate(frame, 1).card_precision == 0.5


def test_precision_divides_by_the_budget_also_when_there_are_fewer_cards() -> None:
    assert evaluate(judged((0, "a", 0.9, True)), 100).card_precision == pytest.approx(0.01)


def test_an_unknown_amount_saves_nothing() -> None:
    assert evaluate(judged((0, "a", 0.9, True, float("nan"))), 1).saved_eur == 0.0


def test_tied_scores_are_reviewed_in_the_same_order_whatever_the_order_of_rows() -> None:
    frame = random_judged(3, levels=2)
    again = frame.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(card_days(frame), card_days(again))


def test_tied_scores_are_not_helped_by_the_order_of_ids() -> None:
    frauds_first = judged(*((0, f"{n:03d}", 0.5, n < 20) for n in range(200)))
    assert evaluate(frauds_first, 20).card_precision < 0.5


def test_a_card_is_the_account_or_else_the_customer_or_else_the_transaction_alone() -> None:
    frame = pd.DataFrame(
        {"transaction_id": ["t1", "t2", "t3"], "customer_id": ["c1", "c2", None], "account_id": ["a1", None, None]}
    )
    assert card_of(frame).tolist() == ["a1", "c2", "t3"]
    assert card_of(frame.assign(account_id=None)).tolist() == ["c1", "c2", "t3"]
