"""Training, as the notebook shows it: from a window of transactions to a judged model."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

from common.contracts.features import FEATURE_NAMES
from common.errors import ModelError
from common.ml.booster import Split, Trial, fit, predict, search
from common.ml.champion import Champion
from common.ml.folds import Protocol, between, rows_to_judge, rows_to_learn
from common.ml.metrics import Figures, comparison, evaluate, random_baseline, rules_baseline
from common.ml.threshold import threshold_for
from common.ml.window import Window

MIN_TRAIN_FRAUDS = 50
MIN_TEST_FRAUDS = 10


@dataclass(frozen=True)
class Trained:
    """A model that was trained, and how it did on the test window.

    `judged` holds the test window with `is_fraud`, `score` and `rules_hit` (how many rules fired); `importance`
    each feature's share of the trees' gain; `figures` those of `model`, `rules alone` and `random`.
    """

    model: Champion
    protocol: Protocol
    trials: list[Trial]
    figures: dict[str, Figures]
    judged: pd.DataFrame
    importance: "pd.Series[float]"
    train_counts: tuple[int, int]

    def table(self) -> pd.DataFrame:
        """The figures of the model and the baselines, one row each."""
        return comparison(self.figures)


class TooFewLabels(ModelError):
    """There are too few frauds to learn from, or to test on."""


def counts(window: Window, protocol: Protocol) -> pd.DataFrame:
    """Transactions, frauds and share of fraud of each part of the protocol."""
    parts = {
        f"{name}, {part}": rows(window.rows, window.reports, fold)
        for name, fold in (("validation", protocol.validation), ("final", protocol.test))
        for part, rows in (("train", rows_to_learn), ("test", rows_to_judge))
    }
    table = pd.DataFrame(
        {name: {"transactions": len(rows), "frauds": int(rows["is_fraud"].sum())} for name, rows in parts.items()}
    ).T
    return table.assign(share_of_fraud=table["frauds"] / table["transactions"].clip(lower=1))


def too_few_labels(train_frauds: int, test_frauds: int) -> str | None:
    """Says so, with the counts, when there are too few frauds to train or to test on."""
    if train_frauds >= MIN_TRAIN_FRAUDS and test_frauds >= MIN_TEST_FRAUDS:
        return None
    return (
        f"not enough labels: {train_frauds} frauds to train on ({MIN_TRAIN_FRAUDS} needed), "
        f"{test_frauds} to test on ({MIN_TEST_FRAUDS} needed)"
    )


def train(
    window: Window,
    *,
    rules_hit: "pd.Series[int]",
    protocol: Protocol,
    cards_per_day: int,
    seed: int,
    report: Callable[[str], None] = lambda _: None,
) -> Trained:
    """A model on the protocol's folds.

    Args:
        window: transactions from `protocol.start` to the end of the test window, with their reports.
        rules_hit: how many rules fired, by transaction_id; a transaction that is not in it has none.
        protocol: the folds.
        cards_per_day: the alert budget, for threshold and figures.
        seed: of everything random.
        report: gets lines of progress.

    Raises:
        TooFewLabels: there are too few frauds to train or to test on.

    """
    learnt = rows_to_learn(window.rows, window.reports, protocol.test)
    tested = rows_to_judge(window.rows, window.reports, protocol.test)
    if text := too_few_labels(int(learnt["is_fraud"].sum()), int(tested["is_fraud"].sum())):
        raise TooFewLabels(text)
    split = validation_split(window, protocol)
    trials = search([split], FEATURE_NAMES, seed, report=report)
    best = trials[0].candidate
    rehearsal = fit(split.train, FEATURE_NAMES, best, seed)
    threshold = threshold_for(split.valid.assign(score=predict(rehearsal, split.valid, FEATURE_NAMES)), cards_per_day)
    booster = fit(learnt, FEATURE_NAMES, best, seed)
    hits = tested["transaction_id"].map(rules_hit).fillna(0).astype("int64")
    judged = tested.assign(score=predict(booster, tested, FEATURE_NAMES), rules_hit=hits)
    return Trained(
        model=Champion(
            version="",
            features=FEATURE_NAMES,
            threshold=threshold,
            cards_per_day=cards_per_day,
            test_start=protocol.test.test_start,
            booster=bytes(booster.save_raw("ubj")),
        ),
        protocol=protocol,
        trials=trials,
        figures=all_figures(judged, cards_per_day, seed),
        judged=judged,
        importance=gain_shares(booster),
        train_counts=(len(learnt), int(learnt["is_fraud"].sum())),
    )


def all_figures(judged: pd.DataFrame, cards_per_day: int, seed: int) -> dict[str, Figures]:
    """The figures of the model and of the baselines, from a frame with `score` and `rules_hit`."""
    return {
        "model": evaluate(judged, cards_per_day),
        "rules alone": rules_baseline(judged, judged["rules_hit"], cards_per_day),
        "random": random_baseline(judged, cards_per_day, seed),
    }


def validation_split(window: Window, protocol: Protocol) -> Split:
    """The validation fold; in data too young for one, the training window's first two thirds and the rest.

    Either way every label was known at the test window's beginning.
    """
    fold = protocol.validation
    split = Split(rows_to_learn(window.rows, window.reports, fold), rows_to_judge(window.rows, window.reports, fold))
    if not too_few_labels(int(split.train["is_fraud"].sum()), int(split.valid["is_fraud"].sum())):
        return split
    learnt = rows_to_learn(window.rows, window.reports, protocol.test)
    first, end = learnt["event_time"].min().floor("D"), protocol.test.train_end
    middle = (first + (end - first) * 2 / 3).floor("D")
    return Split(between(learnt, first, middle), between(learnt, middle, end))


def gain_shares(booster: xgb.Booster) -> "pd.Series[float]":
    """Each feature's share of the trees' total gain, 0 for those never split on."""
    gains = booster.get_score(importance_type="total_gain")
    shares = pd.Series({name: float(np.sum(gains.get(name, 0.0))) for name in booster.feature_names or []})
    return shares / max(float(shares.sum()), 1e-12)
