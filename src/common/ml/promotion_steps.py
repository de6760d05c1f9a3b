"""The steps of the promotion notebooks: each reads like a sentence.

Where there is nothing to decide, the notebook runs to its end, and a person reads there why.
"""

from common.contracts.ops import MODEL_PROMOTIONS
from common.contracts.silver import MERCHANT
from common.ml.baseline import rules_fired
from common.ml.decisions import Said, by_run, has_passed, record
from common.ml.model_versions import decided_by
from common.ml.promote import Contest, Outcome, judge, nothing_judged
from common.ml.registry import Registry
from common.ml.ruling import Approval, Ruling, check_approval, settle
from common.ml.slices import read_slices
from common.ml.version import KEPT_OUT, REJECTED
from common.ml.window import READ, read_window
from common.storage.lake import Lake
from common.storage.last_success import Step

_READ = tuple(table.name for table in (*READ, MERCHANT.history))
PROMOTION = Step("ml.promotion", reads=_READ, shares=(MODEL_PROMOTIONS.name,), leaves=decided_by)
"""What promotion depends on. A person's approval is among what it leaves, so that one that is new is news."""


def judge_contest(lake: Lake, contest: Contest, *, seed: int) -> Outcome:
    """Reads the candidate's test window and judges; nothing is read where there is nothing to judge.

    By its tags a candidate may have passed. People may set tags: it has, where ops.model_promotions says so too.
    """
    return nothing_judged(contest) if _is_settled(lake, contest) else judge_again(lake, contest, seed=seed)


def _is_settled(lake: Lake, contest: Contest) -> bool:
    candidate = contest.candidate
    if candidate is None or candidate.approval == REJECTED:
        return True
    return contest.is_judged and has_passed(lake, candidate, contest.against)


def judge_again(lake: Lake, contest: Contest, *, seed: int) -> Outcome:
    """The same for a candidate that may have been judged before."""
    if contest.candidate is None:
        return nothing_judged(contest)
    fold = contest.fold
    return judge(
        contest,
        read_window(lake, fold.test_start, fold.test_end, fold.labels_known_at),
        rules_fired(lake, fold.test_start, fold.test_end),
        seed,
        read_slices(lake, fold.test_start, fold.test_end),
    )


def settle_contest(
    lake: Lake, registry: Registry, contest: Contest, outcome: Outcome, *, require_approval: bool, approve_version: int
) -> str:
    """Decides, by the gate and by a person where one is asked, and writes the decision; returns it as a sentence.

    Raises:
        ModelError: `approve_version` is neither the challenger nor the champion.

    """
    approval = Approval(require_approval, approve_version, by_run(lake))
    check_approval(contest, approval)

    def note(ruling: Ruling) -> None:
        if contest.candidate is not None:
            candidate, decision, against = contest.candidate, ruling.decision, contest.against
            said: Said | None = ("approval", decision != KEPT_OUT, ruling.said) if ruling.said else None
            record(lake, registry, candidate, decision=decision, against=against, verdict=outcome.verdict, said=said)

    return settle(registry, contest, outcome, approval, note)


def promotion_facts(registry: Registry) -> dict[str, object]:
    """What the run's summary shows of the champion; empty where there is none."""
    champion = registry.champion()
    if champion is None:
        return {}
    shown = {
        "version": champion.model.version,
        "test_start": f"{champion.model.test_start:%Y-%m-%d}",
        "threshold": champion.model.threshold,
        "alert_budget_cards_per_day": champion.model.cards_per_day,
    }
    return {"champion": shown}
