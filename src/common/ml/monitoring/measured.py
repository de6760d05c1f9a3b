"""One figure of a week, with its limits and the verdict on it."""

from dataclasses import dataclass
from math import sqrt

from common.settings import MONITORING_MIN_ROWS


@dataclass(frozen=True)
class Measured:
    """A figure, as a row of gold.model_monitoring has it: see there for the columns.

    `is_breached` is None where there is no verdict; `note` says why, where there are limits.
    """

    metric: str
    subject: str
    value: float | None
    rows: int
    baseline: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    is_breached: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Limits:
    """What is usual for a figure, and what it may be; None: there is no such number."""

    baseline: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def are_any(self) -> bool:
        """Whether a verdict is asked for."""
        return self.at_least is not None or self.at_most is not None

    def are_breached(self, value: float) -> bool:
        """Whether the value is beyond a limit."""
        too_low = self.at_least is not None and value < self.at_least
        return too_low or (self.at_most is not None and value > self.at_most)


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Support:
    """How many rows a figure rests on, what they are, and how many of them a verdict needs."""

    rows: int
    needed: int = MONITORING_MIN_ROWS
    what: str = "transactions"


def judged(metric: str, subject: str, value: float | None, support: Support, limits: Limits = NO_LIMITS) -> Measured:
    """The figure with its verdict; none without limits, without a value, or on fewer rows than are needed."""
    note, is_breached = "", None
    if limits.are_any:
        if value is None and support.rows >= support.needed:
            note = "no verdict: there is nothing to measure it by"
        elif value is None or support.rows < support.needed:
            note = f"no verdict: {support.rows:,} {support.what}, {support.needed:,} are needed"
        else:
            is_breached = limits.are_breached(value)
    return Measured(
        metric,
        subject,
        None if value is None else float(value),
        support.rows,
        limits.baseline,
        limits.at_least,
        limits.at_most,
        is_breached,
        note,
    )


def around(baseline: float, factor: float, rows: int) -> Limits:
    """Limits of a rate or number per row: `factor` times more and less, and three standard deviations by chance.

    There is no lower limit where chance alone can give 0.
    """
    low, high = baseline / factor, baseline * factor
    at_least = low - 3 * sqrt(low / max(rows, 1))
    return Limits(float(baseline), at_least if at_least > 0 else None, high + 3 * sqrt(high / max(rows, 1)))
