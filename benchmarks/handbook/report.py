"""The benchmark's tables."""

from collections.abc import Mapping

import pandas as pd
from rich.table import Table

from benchmarks.handbook.protocol import FIGURES
from benchmarks.handbook.rivals import PUBLISHED

GOALS = {"average_precision": 0.76, "auc_roc": 0.88, "card_precision": 0.308}
ALARM_AVERAGE_PRECISION = 0.775
"""Nothing that knows no more than was known at the time gets there: see `bayes.py`."""

OURS, BOUND = "our model", "upper bound (knows the mechanism)"


def figures_table(
    title: str, test: Mapping[str, pd.DataFrame], validation: Mapping[str, Mapping[str, float]], *, with_goals: bool
) -> Table:
    """Ways of scoring, one a row: figures on the reported folds with intervals, and those on the validation folds."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in FIGURES:
        table.add_column(name.replace("_", " "), justify="right")
    if validation:
        table.add_column("average precision on validation", justify="right")
    for row, values in test.items():
        before = [f"{validation[row][FIGURES[0]]:.4f}"] if row in validation else [""] * bool(validation)
        table.add_row(row, *(_with_interval(values, name) for name in FIGURES), *before, style="bold" * (row == OURS))
    if with_goals:
        table.add_section()
        table.add_row("published, XGBoost", *(f"{PUBLISHED[name]:.3f}" for name in FIGURES))
        table.add_row("goal", *(f"{GOALS[name]:.3f}" for name in FIGURES))
        met = (float(test[OURS]["value"][name]) >= GOALS[name] for name in FIGURES)
        table.add_row("goal met", *("yes" if one else "NO" for one in met))
    return table


def alarm(test: Mapping[str, pd.DataFrame]) -> str:
    """What to print of the alarm."""
    value = float(test[OURS]["value"]["average_precision"])
    if value >= ALARM_AVERAGE_PRECISION:
        return f"ALARM: average precision {value:.4f} is not possible without a leak ({ALARM_AVERAGE_PRECISION})"
    return f"no leak: average precision {value:.4f} is below the alarm at {ALARM_AVERAGE_PRECISION}"


def plain_table(title: str, frame: pd.DataFrame) -> Table:
    """A frame as it is: whole numbers without, fractions with three digits."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in frame.columns:
        table.add_column(str(column).replace("_", " "), justify="right")
    for row, values in frame.iterrows():
        table.add_row(str(row), *(_text(value) for value in values))
    return table


def _with_interval(values: pd.DataFrame, name: str) -> str:
    value, low, high = (float(values[column][name]) for column in ("value", "low", "high"))
    return f"{value:.4f} ({low:.3f} to {high:.3f})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and value > 1 else f"{value:.3f}"
    return str(value)
