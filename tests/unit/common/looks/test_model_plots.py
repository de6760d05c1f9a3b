from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from common.looks.model import as_image
from common.looks.model_plots import PICTURES, Pictured, board, calibration, compared, figure, precision_recall


@pytest.fixture
def pictured() -> Pictured:
    generator = np.random.default_rng(1)
    is_fraud = generator.random(840) < 0.05
    frame = pd.DataFrame(
        {
            "event_time": [datetime(2030, 1, 1 + number % 7, number % 24, tzinfo=UTC) for number in range(840)],
            "card": [f"c{number}" for number in generator.integers(0, 60, 840)],
            "score": np.clip(generator.normal(0.3 + 0.3 * is_fraud, 0.15), 0, 1),
            "is_fraud": is_fraud,
            "amount_eur": 10.0,
        }
    )
    importance = pd.Series({"amount_eur": 0.7, "is_night": 0.3})
    return Pictured(frame.assign(rules_hit=(frame.index % 9 == 0).astype(int)), importance, 0.5, 10)


def axes_of(name: str, pictured: Pictured):  # type: ignore[no-untyped-def]
    return figure(name, pictured).axes[0]


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_has_a_title_and_axes_with_names(name: str, pictured: Pictured) -> None:
    axes = axes_of(name, pictured)
    assert axes.get_title()
    assert axes.get_xlabel()
    assert axes.lines or axes.patches


def test_the_board_has_all_of_them_and_is_a_picture_that_a_notebook_shows(pictured: Pictured) -> None:
    drawn = board(pictured, "a title")
    assert len(drawn.axes) == len(PICTURES)
    assert as_image(drawn).data.startswith(b"\x89PNG")


def test_the_dot_of_the_rules_is_their_recall_and_precision(pictured: Pictured) -> None:
    axes = Figure().add_subplot()
    precision_recall(axes, pictured)
    dot = next(line for line in axes.lines if line.get_label() == "rules alone")
    fired, frauds = pictured.judged["rules_hit"] > 0, pictured.judged["is_fraud"]
    assert dot.get_xdata()[0] == pytest.approx((fired & frauds).sum() / frauds.sum())
    assert dot.get_ydata()[0] == pytest.approx(frauds[fired].mean())


def test_a_calibrated_model_lies_on_the_diagonal() -> None:
    score = [0.02] * 1000 + [0.5] * 100
    is_fraud = [number < 20 for number in range(1000)] + [number < 50 for number in range(100)]
    frame = pd.DataFrame({"score": score, "is_fraud": is_fraud})
    axes = Figure().add_subplot()
    calibration(axes, Pictured(frame, pd.Series({"a": 1.0}), 0.5, 10))
    model = next(line for line in axes.lines if line.get_label() == "model")
    assert list(model.get_xdata()) == pytest.approx([0.02, 0.5])
    assert list(model.get_ydata()) == pytest.approx([0.02, 0.5])


def test_a_comparison_draws_every_rival_twice(pictured: Pictured) -> None:
    drawn = compared(pictured.judged, {"model": ("score", "b"), "rules alone": ("rules_hit", "r")}, 10)
    for axes in drawn.axes:
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert len([label for label in labels if label.startswith(("model", "rules alone"))]) == 2
