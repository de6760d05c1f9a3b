"""What becomes of a challenger, by the gate's verdict and a person's word where one is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from common.errors import ModelError
from common.ml.gate import Verdict
from common.ml.model_description import describe_evidence, with_decision
from common.ml.promote import Contest, Outcome
from common.ml.registry import Registry
from common.ml.version import APPROVED, FAILED, KEPT_OUT, PASSED, PROMOTED, REJECTED, Version
from common.platform import this_platform

WAITS = "waits_for_approval"
"""The decision on a challenger that has passed the gate and needs a person's word."""


@dataclass(frozen=True)
class Approval:
    """Whether promotion needs a person's word, and the version that the job was told to take (0: none), by whom."""

    required: bool = False
    version: int = 0
    by: str = ""

    def given(self, candidate: Version, verdict: Verdict | None) -> str:
        """Who approved a candidate, for a sentence; empty where nobody did.

        What a person approved in MLflow is what stood there: against another champion it is no approval.
        """
        if self.version == candidate.number:
            return f"approved by approve_version={self.version} of {self.by or 'a job'}"
        if candidate.approval == APPROVED and not _is_of_another_rival(candidate, verdict):
            return f"approved by {candidate.tags.get('approved_by') or 'a person'} in MLflow"
        return ""


@dataclass(frozen=True)
class Ruling:
    """The decision on a candidate (`PROMOTED`, `KEPT_OUT` or `WAITS`), why, and what a person said (empty: nothing)."""

    decision: str
    reason: str
    said: str = ""


def check_approval(contest: Contest, approval: Approval) -> None:
    """Make sure that the version which a job was told to take is the challenger, or champion already.

    Raises:
        ModelError: it is neither.

    """
    asked, candidate = approval.version, contest.candidate
    known = {version.number for version in (candidate, contest.champion) if version}
    if asked and asked not in known:
        waiting = f"the challenger is version {candidate.number}" if candidate else f"there is none, {contest.text}"
        raise ModelError(
            f"approve_version={asked}: only the challenger can be approved: {waiting}. Leave the parameter away, or "
            "name the version that has the alias challenger in MLflow"
        )


def rule(candidate: Version, outcome: Outcome, approval: Approval) -> Ruling:
    """The decision on a candidate that the gate has judged, now or before."""
    if candidate.approval == REJECTED:
        who = candidate.tags.get("approved_by") or candidate.tags.get("rejected_by") or "a person"
        return Ruling(KEPT_OUT, f"rejected by {who} in MLflow", "rejected")
    verdict = outcome.verdict
    if verdict and not verdict.passed:
        return Ruling(KEPT_OUT, verdict.reason)
    reason = verdict.reason if verdict else candidate.reason
    said = approval.given(candidate, verdict)
    if said:
        return Ruling(PROMOTED, f"{reason} {said[:1].upper()}{said[1:]}.", said)
    if not approval.required:
        return Ruling(PROMOTED, reason)
    return Ruling(WAITS, reason)


def settle(
    registry: Registry,
    contest: Contest,
    outcome: Outcome,
    approval: Approval | None = None,
    record: Callable[[Ruling], None] = lambda _: None,
) -> str:
    """Writes the decision to the registry, and returns it as a sentence.

    `record` notes it elsewhere, before: the version's tag `decision` is the last that is written, so that after a kill
    all is done again.
    """
    candidate, approval = contest.candidate, approval or Approval()
    if candidate is None:
        if contest.champion is not None and not contest.champion.decision:
            # Killed after it got the alias: what was decided is noted now.
            registry.decide(contest.champion, True, contest.champion.reason)
        return contest.text
    ruling = rule(candidate, outcome, approval)
    sentence = _sentence(contest, ruling)
    record(ruling)
    evidence = describe_evidence(outcome, candidate) if outcome.verdict else registry.description(candidate.number)
    registry.describe(candidate.number, with_decision(evidence, sentence))
    if candidate.approval == APPROVED and _is_of_another_rival(candidate, outcome.verdict):
        registry.forget(candidate.number, "approval")
    if ruling.said and approval.version == candidate.number:
        registry.note(candidate.number, {"approval": APPROVED, "approved_by": approval.by or "a job"})
    registry.note(candidate.number, {"reason": ruling.reason} | _gate_tags(contest, outcome))
    if ruling.decision == WAITS:
        return sentence
    registry.decide(candidate, ruling.decision == PROMOTED, ruling.reason)
    return sentence


def _is_of_another_rival(candidate: Version, verdict: Verdict | None) -> bool:
    """Whether what a person saw of a candidate was judged against another than this verdict is."""
    return verdict is not None and candidate.tags.get("judged_against", verdict.against) != verdict.against


def _gate_tags(contest: Contest, outcome: Outcome) -> dict[str, str]:
    if outcome.verdict is None:
        return {}
    tags = {
        f"gate_{c.name.replace(' ', '_')}": f"{PASSED if c.passed else FAILED}: {c.figure_text}, must be {c.bound}"
        for c in outcome.verdict.criteria
    }
    # A version has passed from the last of these tags on, with all of it there, and has failed from the first on.
    if not outcome.verdict.passed:
        return {"gate": FAILED, **tags, "judged_against": contest.against}
    return {**tags, "judged_against": contest.against, "gate": PASSED}


def _sentence(contest: Contest, ruling: Ruling) -> str:
    number = contest.candidate.number if contest.candidate else 0
    if ruling.decision == PROMOTED:
        return f"version {number} is the champion now: {ruling.reason}"
    stays = f"version {contest.champion.number} stays champion" if contest.champion else "there is no champion"
    if ruling.decision == KEPT_OUT:
        return f"{stays}, version {number} is kept out: {ruling.reason}"
    said = contest.candidate.approval if contest.candidate else ""
    odd = f" Its tag approval={said!r} is neither {APPROVED} nor {REJECTED}." if said else ""
    run = this_platform().run_job_with.format(job="lakehouse", parameter=f"approve_version={number}")
    return (
        f"{stays}, version {number} waits for approval: {ruling.reason}{odd} Set its tag approval to {APPROVED} or "
        f"{REJECTED} in MLflow, or approve it with {run}"
    )
