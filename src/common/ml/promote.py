"""Promotion, as the notebook shows it: who stands against whom, on which window, and what the gate says."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.contracts.features import FEATURE_NAMES
from common.ml.booster import predict
from common.ml.champion import Champion
from common.ml.evidence import Evidence, microseconds_a_row
from common.ml.folds import Fold, fold_at, rows_to_judge
from common.ml.gate import RULES, Verdict, judge_evidence
from common.ml.metrics import Figures, evaluate
from common.ml.registry import Registry
from common.ml.train import all_figures
from common.ml.version import REJECTED, Version
from common.ml.window import Window


@dataclass(frozen=True)
class Contest:
    """The challenger, which waits for a decision or approval, and the champion that it would replace.

    `text` says it in words. Without a candidate there is nothing to decide; without a champion the rules stand in.
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

    @property
    def rival(self) -> Champion | None:
        """The champion, where it can score what is computed now."""
        model = self.champion.model if self.champion else None
        return model if model and set(model.features) <= set(FEATURE_NAMES) else None

    @property
    def against(self) -> str:
        """The rival's version, or `gate.RULES`."""
        return self.rival.version if self.rival else RULES

    @property
    def is_judged(self) -> bool:
        """Whether the gate has nothing to do: the candidate has passed against this rival, or a person rejected it."""
        candidate = self.candidate
        return candidate is None or candidate.approval == REJECTED or candidate.has_passed(self.against)


@dataclass(frozen=True)
class Outcome:
    """What the gate found in a contest; None where it had nothing to judge, for which `text` says why.

    `judged`: the test window with a column of scores for each of `figures`. `evidence` is what the verdict rests on.
    """

    verdict: Verdict | None
    text: str
    figures: dict[str, Figures]
    judged: pd.DataFrame
    evidence: Evidence | None = None

    def table(self) -> pd.DataFrame:
        """The criteria one by one; where there are none, the words."""
        return self.verdict.table() if self.verdict else pd.DataFrame({"promotion": [self.text]})


def nothing_judged(contest: Contest) -> Outcome:
    """The outcome of a contest that needs no judging."""
    return Outcome(None, contest.text, {}, pd.DataFrame())


def next_contest(registry: Registry) -> Contest:
    """The version registered last, if nobody decided on it yet, as challenger, and the champion.

    Versions that can't be used, as a person may register them, are skipped, with a word.
    """
    newest, champion = registry.newest(), registry.champion()
    skipped = "".join(f". Skipped: {text}" for text in registry.skipped())
    if newest is None:
        text = registry.not_trained() or "there is no trained model"
        return Contest(None, None, f"nothing to promote: {text}{skipped}")
    is_champion = champion is not None and champion.number == newest.number
    if newest.decision or is_champion:
        fate = "is champion" if is_champion else newest.fate
        return Contest(None, champion, f"nothing to promote: version {newest.number} {fate}, {newest.reason}{skipped}")
    registry.challenge(newest.number)
    contest = Contest(newest, champion, "")
    against = f"champion version {contest.against}" if contest.rival else "the rules alone"
    state = f", {newest.fate}" if contest.is_judged else ""
    return Contest(newest, champion, f"version {newest.number} against {against}{state}{skipped}")


def judge(
    contest: Contest,
    window: Window,
    rules_hit: "pd.Series[int]",
    seed: int,
    slices: pd.DataFrame | None = None,
) -> Outcome:
    """The gate's verdict on a contest's candidate; nothing is written.

    Args:
        contest: with a candidate.
        window: transactions of the candidate's test window, with their reports.
        rules_hit: how many rules fired, by transaction_id.
        seed: of resampling and random scores.
        slices: the columns of `slices.KINDS` by transaction_id; None where they are not known.

    """
    if contest.candidate is None:
        return nothing_judged(contest)
    model, rival = contest.candidate.model, contest.rival
    rows = rows_to_judge(window.rows, window.reports, contest.fold)
    hits = rows["transaction_id"].map(rules_hit).fillna(0).astype("int64")
    judged = rows.assign(rules_hit=hits)
    if slices is not None:
        judged = judged.join(slices, on="transaction_id")
    if not set(model.features) <= set(FEATURE_NAMES):
        verdict = judge_evidence(Evidence(model, rival, judged, FEATURE_NAMES))
        return Outcome(verdict, verdict.reason, {}, judged)
    booster = model.load()
    judged = judged.assign(score=predict(booster, rows, model.features))
    figures = all_figures(judged, model.cards_per_day, seed)
    if rival is None:
        judged = judged.assign(rival_score=hits / max(int(hits.max()), 1) if len(hits) else 0.0)
    else:
        theirs = np.asarray(predict(rival.load(), rows, rival.features))
        judged = judged.assign(rival_score=theirs, champion_score=theirs)
        figures["champion"] = evaluate(rows.assign(score=theirs), model.cards_per_day)
    took = microseconds_a_row(lambda sample: predict(booster, sample, model.features), rows)
    evidence = Evidence(model, rival, judged, FEATURE_NAMES, took, seed)
    verdict = judge_evidence(evidence)
    return Outcome(verdict, verdict.reason, figures, judged, evidence)
