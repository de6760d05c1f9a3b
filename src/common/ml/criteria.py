"""What a challenger must meet to be promoted: `CRITERIA`, each a function from the evidence to what it found.

A new criterion is one more function in that tuple. A function may find several things, as one a slice, or nothing where
it has nothing to judge.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from common.ml.enough_labels import MIN_TEST_FRAUDS
from common.ml.evidence import Difference, Evidence
from common.ml.figure_text import figure_text
from common.ml.folds import TEST_DAYS, fold_at
from common.ml.slices import KINDS
from common.settings import CALIBRATION_RATIO_LIMITS, LABEL_DELAY_DAYS, SCORING_BUDGET_MICROSECONDS

SLICE_MARGIN = 0.02
"""Average precision that a challenger may lose on a slice before it counts as a loss."""


@dataclass(frozen=True)
class Criterion:
    """What was judged: the figure, what it must be (in words, such as `above 0`), whether it is so, and a sentence.

    Where one that is `necessary` is not met, the others can't be judged.
    """

    name: str
    figure: float
    bound: str
    passed: bool
    sentence: str
    necessary: bool = False

    @property
    def figure_text(self) -> str:
        """The figure as a person reads it."""
        return figure_text(self.figure)


def features_available(evidence: Evidence) -> Iterable[Criterion]:
    """All features that the model needs are computed now; it need not use all that are."""
    missing = sorted(set(evidence.model.features) - set(evidence.computed))
    text = f"Not computed now: {', '.join(missing)}." if missing else "All that the model needs are computed."
    yield Criterion("features", len(missing), "0 missing", not missing, text, necessary=True)


def not_learnt_by_the_champion(evidence: Evidence) -> Iterable[Criterion]:
    """The champion has not learnt from the days that both are judged on."""
    if evidence.rival is None:
        return
    start = evidence.model.test_start
    learnt_until = fold_at(evidence.rival.test_start, train_days=1, delay_days=LABEL_DELAY_DAYS).train_end
    days = min(max((learnt_until - start).days, 0), TEST_DAYS)
    window = f"the {TEST_DAYS} days from {start:%Y-%m-%d} that it is tested on"
    text = (
        f"It is older than the champion, which has learnt from {days} of {window}."
        if days
        else f"The champion has not learnt from {window}."
    )
    yield Criterion("fair window", days, "0 days", not days, text, necessary=True)


def scores_are_probabilities(evidence: Evidence) -> Iterable[Criterion]:
    """Every score is a number from 0 to 1."""
    off = int((~((evidence.scores >= 0) & (evidence.scores <= 1))).sum())
    which = f"{off:,} of {len(evidence.scores):,} scores are not" if off else "All scores are"
    text = f"{which} numbers from 0 to 1."
    yield Criterion("probabilities", off, "0 others", not off, text, necessary=True)


def enough_frauds(evidence: Evidence) -> Iterable[Criterion]:
    """The window has frauds to judge by."""
    text = f"The test window has {evidence.frauds:,} frauds in {len(evidence.judged):,} transactions."
    is_enough = evidence.frauds >= MIN_TEST_FRAUDS
    bound = f"{MIN_TEST_FRAUDS} or more"
    yield Criterion("frauds in window", evidence.frauds, bound, is_enough, text, necessary=True)


def better_average_precision(evidence: Evidence) -> Iterable[Criterion]:
    """Average precision is better than the rival's by more than noise."""
    found = evidence.differences["average_precision"]
    text = f"Average precision {_against(evidence, found, '.3f')}."
    yield Criterion("average precision", found.low, "above 0", found.low > 0, text)


def better_than_chance(evidence: Evidence) -> Iterable[Criterion]:
    """Rules may be worse than chance: where they are the rival, the model must beat both."""
    if evidence.rival is not None:
        return
    found = evidence.differences["chance"]
    text = (
        f"Average precision {found.challenger:.3f}, of random scores {found.rival:.3f}: {_interval(found, '+.3f')} "
        "on resampled cards."
    )
    yield Criterion("better than chance", found.low, "above 0", found.low > 0, text)


def no_loss_at_budget(evidence: Evidence) -> Iterable[Criterion]:
    """At the alert budget neither card precision nor the frauds' amount caught is surely below the rival's."""
    budget = evidence.model.cards_per_day
    for name, figure, form in (("card precision", "card_precision", ".3f"), ("euro caught", "saved_eur", ",.0f")):
        found = evidence.differences[figure]
        text = f"{name.capitalize()} at {budget} cards a day {_against(evidence, found, form)}."
        yield Criterion(f"{name} at budget", found.high, "0 or more", found.high >= 0, text)


def calibrated(evidence: Evidence) -> Iterable[Criterion]:
    """The scores expect about as many frauds as there were."""
    expected = float(evidence.scores.sum())
    ratio, (low, high) = expected / evidence.frauds, CALIBRATION_RATIO_LIMITS
    text = f"Scores expect {expected:,.0f} frauds, there were {evidence.frauds:,}: {ratio:.2f} times as many."
    yield Criterion("calibration", ratio, f"{low:g} to {high:g}", low <= ratio <= high, text)


def no_loss_on_slices(evidence: Evidence) -> Iterable[Criterion]:
    """On no large slice average precision is surely lost; one criterion a kind of slice, on its worst."""
    for kind in KINDS:
        slices = evidence.slices(kind)
        if slices:
            worst = min(slices, key=lambda name: slices[name].high)
            found = slices[worst]
            text = (
                f"Worst of {len(slices)} large slices, {worst}: average precision {_against(evidence, found, '.3f')}."
            )
            bound = f"{-SLICE_MARGIN:g} or more"
            yield Criterion(f"slices by {kind}", found.high, bound, found.high >= -SLICE_MARGIN, text)


def quick_enough(evidence: Evidence) -> Iterable[Criterion]:
    """Scoring a row takes no longer than its budget."""
    taken, budget = evidence.microseconds_a_row, SCORING_BUDGET_MICROSECONDS
    text = f"Scoring takes {taken:.1f} microseconds of CPU a row."
    yield Criterion("scoring speed", taken, f"{budget:g} or less", bool(np.less_equal(taken, budget)), text)


Judge = Callable[[Evidence], Iterable[Criterion]]

CRITERIA: tuple[Judge, ...] = (
    features_available,
    not_learnt_by_the_champion,
    scores_are_probabilities,
    enough_frauds,
    better_average_precision,
    better_than_chance,
    no_loss_at_budget,
    calibrated,
    no_loss_on_slices,
    quick_enough,
)
"""All criteria, in the order in which they are judged and read: those that others need first."""


def _against(evidence: Evidence, found: Difference, form: str) -> str:
    sides = f"{found.challenger:{form}}, {evidence.rival_name} {found.rival:{form}}"
    return f"{sides}: {_interval(found, '+' + form)} on resampled cards"


def _interval(found: Difference, form: str) -> str:
    return f"difference {found.low:{form}} to {found.high:{form}}"
