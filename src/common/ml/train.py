"""Training, as the notebook shows it: from a window of transactions to a judged model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import predict
from common.ml.bootstrap import as_text, figures_of, with_intervals
from common.ml.champion import Champion
from common.ml.enough_labels import TooFewLabels, too_few_labels, validation_splits
from common.ml.fed_features import fed, infinite
from common.ml.folds import Protocol, rows_to_judge, rows_to_learn
from common.ml.joined import joined
from common.ml.metrics import Figures, comparison, evaluate, random_baseline, rules_baseline
from common.ml.rehearsal import Rehearsal, fit_ensemble, rehearse
from common.ml.search import SHORT, Limits, search
from common.ml.trials import Trial, TrialStore
from common.ml.window import Window


@dataclass(frozen=True)
class Trained:
    """A model that was trained, and how it did on the test window.

    `judged` holds the test window with `is_fraud`, `score` and `rules_hit` (how many rules fired); `importance`
    each feature's share of the trees' gain; `figures` those of `model`, `rules alone` and `random`, `intervals` those
    of the first two with their 95 % intervals; `trials` the search, best first; `boosters` how many were joined.
    """

    model: Champion
    protocol: Protocol
    trials: list[Trial]
    rehearsal: Rehearsal
    figures: dict[str, Figures]
    intervals: dict[str, pd.DataFrame]
    judged: pd.DataFrame
    importance: "pd.Series[float]"
    train_counts: tuple[int, int]
    boosters: int = 1

    def table(self) -> pd.DataFrame:
        """The figures of the model and the baselines, one row each, as text with their 95 % intervals.

        With the model on validation beside it, whose lead over the test window is what choosing by it cost.
        """
        validation = comparison({"model on validation": self.validation})
        return as_text(pd.concat([comparison(self.figures), validation]), self.intervals)

    @property
    def validation(self) -> Figures:
        """The model's figures on the validation days that it was chosen by: above those that it will keep."""
        return evaluate(self.rehearsal.judged, self.model.cards_per_day)


def train(
    window: Window,
    *,
    rules_hit: "pd.Series[int]",
    protocol: Protocol,
    cards_per_day: int,
    seed: int,
    limits: Limits = SHORT,
    ensemble: int = 1,
    review_cost_eur: float | None = None,
    store: TrialStore | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Trained:
    """A model on the protocol's folds.

    Args:
        window: transactions from `protocol.start` to the end of the test window, with their reports.
        rules_hit: how many rules fired, by transaction_id; a transaction that is not in it has none.
        protocol: the folds.
        cards_per_day: the alert budget, for threshold and figures.
        seed: of everything random.
        limits: of the search.
        ensemble: boosters, each of a seed of its own, whose log-odds the model averages.
        review_cost_eur: what reviewing a card costs, for the threshold; None: it goes by the budget alone.
        store: keeps the search's trials, so that it can go on after a kill; without one they are forgotten.
        report: gets lines of progress.

    Raises:
        TooFewLabels: there are too few frauds to train or to test on.

    """
    learnt = rows_to_learn(window.rows, window.reports, protocol.test)
    tested = rows_to_judge(window.rows, window.reports, protocol.test)
    if text := too_few_labels(int(learnt["is_fraud"].sum()), int(tested["is_fraud"].sum())):
        raise TooFewLabels(text)
    features = fed(learnt, FEATURE_NAMES)
    left_out = tuple(name for name in FEATURE_NAMES if name not in features)
    _report_inputs(infinite(learnt, FEATURE_NAMES), left_out, report)
    splits = validation_splits(window, protocol)
    trials = search(splits, features, seed, limits=limits, store=store, report=report)
    best = trials[0].candidate
    rehearsal = rehearse(
        splits,
        features,
        best,
        seed=seed,
        ensemble=ensemble,
        cards_per_day=cards_per_day,
        review_cost_eur=review_cost_eur,
    )
    boosters = fit_ensemble(learnt, features, best, seed, ensemble)
    booster = joined(boosters, rehearsal.calibration)
    hits = tested["transaction_id"].map(rules_hit).fillna(0).astype("int64")
    judged = tested.assign(score=predict(booster, tested, features), rules_hit=hits)
    return Trained(
        model=Champion(
            version="",
            features=features,
            threshold=rehearsal.threshold,
            cards_per_day=cards_per_day,
            test_start=protocol.test.test_start,
            booster=bytes(booster.save_raw("ubj")),
            left_out=left_out,
            review_cost_eur=review_cost_eur,
        ),
        protocol=protocol,
        trials=trials,
        rehearsal=rehearsal,
        figures=all_figures(judged, cards_per_day, seed),
        intervals=figure_intervals(judged, cards_per_day, seed),
        judged=judged,
        importance=gain_shares(booster),
        train_counts=(len(learnt), int(learnt["is_fraud"].sum())),
        boosters=len(boosters),
    )


def all_figures(judged: pd.DataFrame, cards_per_day: int, seed: int) -> dict[str, Figures]:
    """The figures of the model and of the baselines, from a frame with `score` and `rules_hit`."""
    return {
        "model": evaluate(judged, cards_per_day),
        "rules alone": rules_baseline(judged, judged["rules_hit"], cards_per_day),
        "random": random_baseline(judged, cards_per_day, seed),
    }


def figure_intervals(judged: pd.DataFrame, cards_per_day: int, seed: int) -> dict[str, pd.DataFrame]:
    """By name the figures of the model and of the rules alone with their 95 % intervals, as `with_intervals` has them.

    Both are on the same resamples. Random scores have none: their figures are means of draws already.
    """
    most = max(int(judged["rules_hit"].max()), 1)
    scores = {"model": judged, "rules alone": judged.assign(score=judged["rules_hit"] / most)}
    return {
        name: with_intervals(figures_of(scored, cards_per_day), judged["card"], seed) for name, scored in scores.items()
    }


def _report_inputs(infinite_values: Mapping[str, int], left_out: Sequence[str], report: Callable[[str], None]) -> None:
    if left_out:
        report(f"left out, as they never vary in the training window: {', '.join(left_out)}")
    for name, count in infinite_values.items():
        report(f"{name} is infinite in {count:,} transactions to learn from: they count as missing")


def gain_shares(booster: xgb.Booster) -> "pd.Series[float]":
    """Each feature's share of the trees' total gain, 0 for those never split on."""
    gains = booster.get_score(importance_type="total_gain")
    shares = pd.Series({name: float(np.sum(gains.get(name, 0.0))) for name in booster.feature_names or []})
    return shares / max(float(shares.sum()), 1e-12)
