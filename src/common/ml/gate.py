"""The gate that a new model passes before it decides on anything: every criterion must be met."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from common.ml.criteria import CRITERIA, Criterion, Judge
from common.ml.evidence import Evidence

RULES = "rules"
"""What `Verdict.against` is where there was no champion."""


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger passes, criterion by criterion.

    `against` is the version of the champion that it was judged against, or `RULES`.
    """

    criteria: tuple[Criterion, ...]
    against: str

    @property
    def passed(self) -> bool:
        """Whether all criteria are met."""
        return all(criterion.passed for criterion in self.criteria)

    @property
    def reason(self) -> str:
        """The verdict in words: the criteria that failed, or what it won by."""
        failed = [criterion for criterion in self.criteria if not criterion.passed]
        if failed:
            sentences = " ".join(criterion.sentence for criterion in failed)
            return f"failed {len(failed)} of {len(self.criteria)} criteria. {sentences}"
        won = next((c.sentence for c in self.criteria if c.name == "average precision"), "")
        return f"passed all {len(self.criteria)} criteria. {won}".strip()

    def table(self) -> pd.DataFrame:
        """One row a criterion, as a person reads it."""
        return pd.DataFrame(
            [(c.name, "passed" if c.passed else "failed", c.figure, c.bound, c.sentence) for c in self.criteria],
            columns=["criterion", "verdict", "figure", "must be", "in words"],
        )


def judge_evidence(evidence: Evidence, criteria: Sequence[Judge] = CRITERIA) -> Verdict:
    """The verdict on a challenger. What can't be judged because of a criterion that others need is left out."""
    found: list[Criterion] = []
    for judge in criteria:
        found += judge(evidence)
        if any(criterion.necessary and not criterion.passed for criterion in found):
            break
    return Verdict(tuple(found), RULES if evidence.rival is None else evidence.rival.version)
