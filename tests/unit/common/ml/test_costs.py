import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_builders import judged, random_judged

from common.ml.costs import euro_by_threshold, threshold_by_costs
from common.ml.review import card_days

ROWS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from("abcd"), st.integers(0, 5), st.booleans(), st.integers(0, 300).map(float)
    ),
    min_size=1,
    max_size=25,
)


def by_hand(frame: pd.DataFrame, threshold: float) -> tuple[int, float]:
    """Alerts and euro caught, by a walk through the days: a card above the threshold is reviewed, one found blocked."""
    card_days_seen: dict[tuple[object, str], list[tuple[float, bool, float]]] = {}
    columns = (frame["event_time"].dt.floor("D"), frame["card"], frame["score"], frame["is_fraud"], frame["amount_eur"])
    for today, card, score, is_fraud, eur in zip(*columns, strict=True):
        card_days_seen.setdefault((today, card), []).append((score, is_fraud, eur))
    alerts, saved, found = 0, 0.0, set()
    for (_, card), rows in sorted(card_days_seen.items()):
        fraud_eur = sum(eur for _, is_fraud, eur in rows if is_fraud)
        if card in found:
            saved += fraud_eur
        elif any(score > threshold for score, _, _ in rows):
            alerts += 1
            saved += fraud_eur
            if any(is_fraud for _, is_fraud, _ in rows):
                found.add(card)
    return alerts, saved


@given(rows=ROWS, cards_per_day=st.integers(1, 4), cost=st.sampled_from([0.0, 5.0, 40.0, 1000.0]))
def test_the_threshold_is_the_best_of_all(
    rows: list[tuple[int, str, int, bool, float]], cards_per_day: int, cost: float
) -> None:
    frame = judged(*((day, card, score / 5, fraud, eur) for day, card, score, fraud, eur in rows))
    places = cards_per_day * frame["event_time"].dt.floor("D").nunique()
    outcomes = [by_hand(frame, threshold) for threshold in {0.0, *frame["score"]}]
    gains = [(saved - cost * alerts, -alerts) for alerts, saved in outcomes if alerts <= places]
    alerts, saved = by_hand(frame, threshold_by_costs(frame, cards_per_day, cost))
    assert (saved - cost * alerts, -alerts) == max(gains)


def test_alerts_and_euro_are_those_of_a_walk_through_the_days() -> None:
    frame = random_judged(3, days=5, a_day=40, cards=20)
    table = euro_by_threshold(card_days(frame), review_cost_eur=7.0)
    for row in table.iloc[::9].itertuples():
        alerts, saved = by_hand(frame, row.threshold)
        assert (row.alerts, row.saved_eur, row.review_eur) == pytest.approx((alerts, saved, 7.0 * alerts))


def test_a_dearer_review_gives_no_more_alerts_and_one_that_is_not_worth_it_gives_none() -> None:
    frame = random_judged(5)
    thresholds = [threshold_by_costs(frame, 50, cost) for cost in (0.0, 20.0, 100.0, 1e6)]
    alerts = [by_hand(frame, threshold)[0] for threshold in thresholds]
    assert alerts == sorted(alerts, reverse=True)
    assert alerts[0] > alerts[1] > alerts[-1] == 0


def test_the_alert_budget_is_kept_where_reviewing_costs_nothing() -> None:
    frame = random_judged(5)
    assert by_hand(frame, threshold_by_costs(frame, 2, 0.0))[0] <= 2 * 7
    assert by_hand(frame, threshold_by_costs(frame, 1000, 0.0))[0] > 2 * 7


def test_no_days_give_a_threshold_all_the_same() -> None:
    assert threshold_by_costs(judged((0, "a", 0.2, False)).iloc[:0], 10, 5.0) == 0.0


def test_thresholds_rise() -> None:
    table = euro_by_threshold(card_days(random_judged(1, levels=10)), 5.0)
    assert table["threshold"].is_monotonic_increasing
    assert table["threshold"].iloc[0] == 0.0
    assert np.isfinite(table.to_numpy()).all()
