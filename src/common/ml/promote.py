"""Promotion, as the notebook shows it: who stands against whom, on which window, and who wins."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import predict
from common.ml.champion import Champion
from common.ml.folds import TEST_DAYS, Fold, fold_at, rows_to_judge
from common.ml.gate import Decision, compare, decide, decide_first, unfit
from common.ml.metrics import Figures, comparison, evaluate
from common.ml.registry import Registry, Version
from common.ml.train import all_figures
from common.ml.window import Window
from common.settings import LABEL_DELAY_DAYS


@dataclass(frozen=True)
class Contest:
    """The candidate that waits for a decision and the champion that it would replace.

    `text` says it in words. Without a candidate there is nothing to decide; without a champion the candidate
    stands against the baselines.
    """

    candidate: Version | None
    champion: Version | None
    text: str

    @property
    def fold(self) -> Fold:
        """The candidate's fold, whose test window both are judged on."""
        if self.candidate is None:
            raise ValueError("there is no candidate")
        return fold_at(self.candidate.model.test_start, train_days=1)


@dataclass(frozen=True)
class Outcome:
    """What became of a contest: the decision (None: there was nothing to decide), and what it rests on.

    `judged`: the test window with a column of scores for each of `figures`.
    """

    decision: Decision | None
    text: str
    figures: dict[str, Figures]
    judged: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """The figures side by side; where there are none, the words."""
        return comparison(self.figures) if self.figures else pd.DataFrame({"promotion": [self.text]})


def next_contest(registry: Registry) -> Contest:
    """The version registered last, if nobody decided on it yet, and the champion."""
    newest, champion = registry.newest(), registry.champion()
    if newest is None:
        text = registry.not_trained() or "there is no trained model"
        return Contest(None, None, f"nothing to promote: {text}")
    is_champion = champion is not None and champion.number == newest.number
    if newest.decision or is_champion:
        fate = "is champion" if is_champion else newest.fate
        return Contest(None, champion, f"nothing to promote: version {newest.number} {fate}, {newest.reason}")
    against = f"champion version {champion.number}" if champion else "random scores and the rules alone"
    return Contest(newest, champion, f"version {newest.number} against {against}")


def judge(contest: Contest, window: Window, rules_hit: "pd.Series[int]", seed: int) -> Outcome:
    """The decision on a contest's candidate; nothing is written.

    Args:
        contest: with a candidate.
        window: transactions of the candidate's test window, with their reports.
        rules_hit: how many rules fired, by transaction_id.
        seed: of resampling and random scores.

    """
    if contest.candidate is None:
        return Outcome(None, contest.text, {}, pd.DataFrame())
    model = contest.candidate.model
    rows = rows_to_judge(window.rows, window.reports, contest.fold)
    hits = rows["transaction_id"].map(rules_hit).fillna(0).astype("int64")
    if different := sorted(set(model.features) ^ set(FEATURE_NAMES)):
        decision = Decision(False, f"its features are not those computed now: {', '.join(different)}")
        return Outcome(decision, decision.reason, {}, rows)
    judged = rows.assign(score=predict(model.load(), rows, model.features), rules_hit=hits)
    figures = all_figures(judged, model.cards_per_day, seed)
    rival = contest.champion.model if contest.champion else None
    if text := unfit(judged, model.features, FEATURE_NAMES):
        decision = Decision(False, text)
    elif rival is None or set(rival.features) != set(FEATURE_NAMES):
        decision = decide_first(figures["model"], figures["random"], figures["rules alone"])
    elif text := _unfair(model, rival):
        decision = Decision(False, text)
    else:
        theirs = predict(rival.load(), rows, rival.features)
        judged = judged.assign(champion_score=theirs)
        figures["champion"] = evaluate(rows.assign(score=theirs), model.cards_per_day)
        decision = decide(compare(judged, np.asarray(judged["score"]), theirs, seed))
    return Outcome(decision, decision.reason, figures, judged)


def settle(registry: Registry, contest: Contest, outcome: Outcome) -> str:
    """Writes the decision to the registry, and returns it as a sentence."""
    if contest.candidate is None or outcome.decision is None:
        if contest.champion is not None and not contest.champion.decision:
            # Killed after it got the alias: what was decided is noted now.
            registry.decide(contest.champion, True, contest.champion.reason)
        return outcome.text
    registry.decide(contest.candidate, outcome.decision.is_promoted, outcome.decision.reason)
    number = contest.candidate.number
    if outcome.decision.is_promoted:
        return f"version {number} is the champion now: {outcome.decision.reason}"
    stays = f"version {contest.champion.number} stays champion" if contest.champion else "there is no champion"
    return f"{stays}, version {number} is {outcome.decision.reason}"


def _unfair(candidate: Champion, champion: Champion) -> str | None:
    """Why the two can't be compared on the candidate's test window; None when they can."""
    learnt_until = fold_at(champion.test_start, train_days=1, delay_days=LABEL_DELAY_DAYS).train_end
    if learnt_until <= candidate.test_start:
        return None
    return (
        f"older than the champion, which has learnt from the {TEST_DAYS} days from "
        f"{candidate.test_start:%Y-%m-%d} that the candidate is tested on"
    )
