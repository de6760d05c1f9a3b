"""Validation weeks stand each for itself: for the threshold, and for the figures that are shown of them."""

import numpy as np
import pytest
from ml_builders import a_world, day

from common.ml.booster import Candidate
from common.ml.enough_labels import validation_splits
from common.ml.folds import protocol_at
from common.ml.metrics import evaluate
from common.ml.rehearsal import Rehearsal, rehearse
from common.ml.review import card_days
from common.ml.threshold import alerted_cards
from common.ml.window import Window

BUDGET = 3


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    """Of two weeks in which the same few cards pay, so that most have fraud in both."""
    world = a_world(days=67)
    few = world.rows.assign(card="c" + (np.arange(len(world.rows)) % 40).astype(str).astype(object))
    splits = validation_splits(Window(few, world.reports), protocol_at(day(67, 0), 25, validation_folds=2))
    assert len(splits) == 2
    return rehearse(
        splits, ["amount_eur"], Candidate(3, 0.3, 5), seed=1, ensemble=1, cards_per_day=BUDGET, review_cost_eur=None
    )


def test_a_card_found_in_one_week_is_reviewed_again_in_the_next(rehearsal: Rehearsal) -> None:
    whole = evaluate(rehearsal.judged, BUDGET)
    weeks = [evaluate(rows, BUDGET) for _, rows in rehearsal.judged.groupby("fold")]
    assert whole.card_precision == pytest.approx(np.mean([week.card_precision for week in weeks]))
    assert whole.saved_eur == pytest.approx(sum(week.saved_eur for week in weeks))


def test_the_threshold_gives_the_budget_by_the_same_rule(rehearsal: Rehearsal) -> None:
    days = card_days(rehearsal.judged)
    assert alerted_cards(days, rehearsal.threshold) <= 14 * BUDGET
    assert alerted_cards(days, np.nextafter(rehearsal.threshold, 0.0)) > 14 * BUDGET
