"""The plot of an alert's story: what the customer paid in the weeks around it, and what happened at the terminal."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.ml.alert_story import Story
from common.ml.story_window import BAND_DAYS, BAND_SHARE, DAYS_AFTER, DAYS_BEFORE

PAYMENT, FRAUD, ALERT, USUAL = "#4878a8", "#b5532a", "#d9a400", "#cfe0cf"

WIDE = 50
"""The largest amount is so many times the median where a linear scale would press the others to the ground."""


def plot_story(story: Story | None) -> Figure | None:
    """The customer's payments by time and amount, above the terminal's days; None without a story."""
    if story is None:
        return None
    drawn, (payments, terminal) = plt.subplots(
        2, 1, figsize=(13, 7), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    draw_payments(payments, story)
    draw_terminal(terminal, story)
    day = pd.Timestamp(story.alert["event_date"])
    terminal.set(xlim=(day - pd.Timedelta(days=DAYS_BEFORE), day + pd.Timedelta(days=DAYS_AFTER + 1)))
    plt.close(drawn)
    return drawn


def draw_payments(axes: Axes, story: Story) -> None:
    """The customer's payments as dots, known frauds and the alert marked, the usual amount as a band."""
    rows = story.payments.dropna(subset="amount_eur")
    is_alert, is_fraud = rows["transaction_id"] == story.alert["transaction_id"], rows["is_fraud"].astype(bool)
    if usual := story.usual_eur:
        label = f"usual ({BAND_SHARE:.0%} of {BAND_DAYS} days)"
        axes.axhspan(*usual, color=USUAL, zorder=0, label=label)
    fate = ", a known fraud" if (is_fraud & is_alert).any() else ""
    _dots(axes, rows[~is_fraud & ~is_alert], "payment", c=PAYMENT, marker="o", s=26)
    _dots(axes, rows[rows["is_alert"] & ~is_alert], "another alert", marker="o", s=110, c="none", edgecolors=ALERT)
    _dots(axes, rows[is_fraud & ~is_alert], "known fraud", c=FRAUD, marker="X", s=60)
    _dots(axes, rows[is_alert], f"this alert{fate}", c=ALERT, marker="*", s=300, edgecolors="black")
    amounts = rows["amount_eur"]
    if len(rows) and amounts.min() > 0 and amounts.max() > WIDE * amounts.median():
        axes.set_yscale("log")
    whose = story.alert["customer_id"] or story.alert["account_id"] or "nobody known"
    axes.set_title(f"Payments of {whose}", loc="right")
    axes.set(ylabel="euro")
    _legend(axes)


def draw_terminal(axes: Axes, story: Story) -> None:
    """The terminal's transactions by day, known frauds on top."""
    days, name = story.terminal_days, story.alert["terminal_id"]
    axes.set_title(f"Terminal {name}" if name else "No terminal is known", loc="right")
    axes.set(ylabel="transactions a day")
    if days.empty:
        return
    noon = days.index.to_series() + pd.Timedelta(hours=12)
    others = days["transactions"] - days["frauds"]
    axes.bar(noon, others, width=0.9, color=PAYMENT, label="not known to be fraud")
    axes.bar(noon, days["frauds"], bottom=others, width=0.9, color=FRAUD, label="known fraud")
    here = pd.Series([story.at, story.at])
    axes.plot(here, [0, days["transactions"].max()], color=ALERT, linewidth=3, label="this alert")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Above the axes, where it covers no point."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, borderaxespad=0.2)


def _dots(axes: Axes, rows: pd.DataFrame, label: str, **look: object) -> None:
    if len(rows):
        axes.scatter(rows["event_time"], rows["amount_eur"], label=label, zorder=2, **look)  # type: ignore[arg-type]
