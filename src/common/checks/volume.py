"""How many rows a day should bring, by the days before it."""

from collections.abc import Sequence
from math import sqrt
from statistics import median

FEWEST_DAYS = 3
"""With fewer days to measure by, nothing is expected."""


def fewest_rows(before: Sequence[int], min_share: float) -> float | None:
    """The least that a day may bring, from the rows of the days before it, oldest first; None: nothing is expected.

    A share of their median; for small numbers less, since by chance alone one day in a thousand lies three standard
    deviations (of a Poisson count) below it. Leading days without rows are from before the feed began.
    """
    begun = next((number for number, rows in enumerate(before) if rows), len(before))
    days = before[begun:]
    if len(days) < FEWEST_DAYS:
        return None
    usual = median(days)
    return max(0.0, min(min_share * usual, usual - 3 * sqrt(usual)))
