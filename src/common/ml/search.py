"""The search for parameters: Optuna's tree-structured Parzen estimator, by average precision on the validation folds.

Bounded in trials and in seconds. Each trial is drawn from the seed, its number and the trials before it, and from
nothing else: a search that was killed and goes on finds what it would have found in one piece.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.ml.booster import Split
from common.ml.early_stopping import MAX_ROUNDS, grown, prepared
from common.ml.search_space import SPACE, STARTING_POINTS, as_candidate
from common.ml.trials import Trial, TrialStore, Unkept, best_first

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study

RANDOM_TRIALS = 10
"""Trials, starting points among them, before the estimator takes over from chance."""


@dataclass(frozen=True)
class Limits:
    """How far a search goes: so many trials, and no more than so many seconds, whichever ends first."""

    trials: int = 4
    seconds: float = 300.0


SHORT = Limits()
"""Some ten seconds on a laptop, so that the limit of time, which changes what is found, is met by a busy one only."""


def search(
    splits: Sequence[Split],
    features: Sequence[str],
    seed: int,
    *,
    limits: Limits = SHORT,
    store: TrialStore | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Trial]:
    """The trials, best first; at least one.

    Args:
        splits: the validation folds.
        features: the model's input.
        seed: of everything random.
        limits: how far to go. Seconds that earlier trials of the store took count.
        store: where trials are kept; without one they are forgotten.
        report: gets a line for each trial.

    """
    store = store or Unkept()
    trials = store.earlier()[: limits.trials]
    if trials:
        report(f"the search goes on after {len(trials)} trials that were kept")
    end = time.monotonic() + limits.seconds - sum(trial.seconds for trial in trials)
    if len(trials) == limits.trials or (trials and time.monotonic() >= end):
        return best_first(trials)
    study, courses = _study_of(trials), [prepared(split, features) for split in splits]
    while len(trials) < limits.trials and (not trials or time.monotonic() < end):
        began, number = time.monotonic(), len(trials)
        # A sampler for each trial: with one for all, what it draws would depend on draws that a restart forgets.
        study.sampler = _sampler(seed + number)
        asked = study.ask(_distributions())
        candidate, figures = grown(courses, as_candidate(asked.params, MAX_ROUNDS), seed, end)
        trial = Trial(candidate, figures, number, time.monotonic() - began)
        study.tell(asked, trial.mean)
        store.add(trial)
        trials.append(trial)
        report(
            f"trial {number}: depth {candidate.max_depth}, learning rate {candidate.learning_rate:.3f}, "
            f"{candidate.rounds} trees: {trial.mean:.4f}, best {max(t.mean for t in trials):.4f}"
        )
    return best_first(trials)


def _study_of(trials: Sequence[Trial]) -> "Study":
    """A study that knows the trials, and is asked for the starting points that are not among them next."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for trial in trials:
        point = {name: getattr(trial.candidate, name) for name in SPACE}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=_distributions(), value=trial.mean))
    for starting_point in STARTING_POINTS[len(trials) :]:
        study.enqueue_trial(dict(starting_point))
    return study


def _sampler(seed: int) -> "BaseSampler":
    import optuna

    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)


def _distributions() -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        name: IntDistribution(int(values.low), int(values.high))
        if values.is_whole
        else FloatDistribution(values.low, values.high, log=values.is_log, step=values.step or None)
        for name, values in SPACE.items()
    }
