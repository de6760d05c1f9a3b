from datetime import date, timedelta

import pandas as pd
import pytest

from common.contracts.monitoring import PERFORMANCE
from common.looks.model_monitoring import beyond_limits, drift_by_week, performance_by_week, scores_then_and_now

FIRST = date(2030, 1, 7)
COLUMNS = ("period_start", "metric", "subject", "value", "baseline", "is_breached")


def figures(weeks: int) -> pd.DataFrame:
    """Weeks of figures: the amount drifts in the last, whose labels are not mature."""
    rows: list[tuple[object, ...]] = []
    for week in (FIRST + timedelta(7 * number) for number in range(weeks)):
        is_last = week == FIRST + timedelta(7 * (weeks - 1))
        rows += [
            (week, "psi", "amount_eur", 0.5 if is_last else 0.1, 0.02, is_last),
            (week, "psi", "is_night", 0.01, 0.0, None),
            (week, "score_share", "0 to 0.001", 0.9, 0.95, None),
            (week, "score_share", "0.01 to 1", 0.1, 0.05, None),
            (week, "alert_rate", "model", 0.01, None, None),
            (week, "alerted_cards_per_day", "model", 12.0, 10.0, False),
        ]
        rows += [(week, metric, "model", 0.7, 0.7, False) for metric in PERFORMANCE if not is_last]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(model_version="3", at_least=None, at_most=None, rows=900, note="")


@pytest.mark.parametrize("weeks", [1, 3, 20])
def test_each_week_has_its_place_in_each_plot(weeks: int) -> None:
    drift, performance = drift_by_week(figures(weeks)), performance_by_week(figures(weeks))

    assert drift is not None
    assert performance is not None
    for axes in (drift.axes[0], *performance.axes[:2]):
        assert len(axes.get_xticks()) == weeks
    assert [label.get_text() for label in drift.axes[0].get_yticklabels()] == ["amount_eur", "is_night"]


def test_what_is_beyond_its_limit_has_a_dot_and_a_row() -> None:
    drift = drift_by_week(figures(3))

    assert drift is not None
    (dots,) = drift.axes[0].lines
    assert dots.get_ydata().tolist() == [0]  # type: ignore[union-attr]
    assert beyond_limits(figures(3))[["subject", "value"]].to_numpy().tolist() == [["amount_eur", 0.5]]


def test_the_newest_weeks_scores_stand_beside_those_of_training() -> None:
    drawn = scores_then_and_now(figures(2))

    assert drawn is not None
    before, now = drawn.axes[0].containers
    assert [bar.get_height() for bar in before] == pytest.approx([95, 5])  # type: ignore[attr-defined]
    assert [bar.get_height() for bar in now] == pytest.approx([90, 10])  # type: ignore[attr-defined]


def test_without_weeks_there_is_nothing_to_draw() -> None:
    nothing = figures(1).head(0)

    assert [draw(nothing) for draw in (drift_by_week, scores_then_and_now, performance_by_week)] == [None] * 3
    assert beyond_limits(nothing).empty
