"""Looks at findings and quarantined records that the notebooks end with."""

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes

from common.checks.findings import Finding


def by_subject(findings: Iterable[Finding]) -> pd.DataFrame:
    """By table or flow, how many checks passed, warn and failed; in the order of the checks."""
    counts: dict[str, list[int]] = {}
    for finding in findings:
        row = counts.setdefault(finding.subject, [0, 0, 0])
        row[0 if finding.passed else 1 if finding.warns else 2] += 1
    return pd.DataFrame.from_dict(counts, orient="index", columns=["passed", "warnings", "failures"])


def not_passed(findings: Iterable[Finding]) -> list[Finding]:
    """The checks that don't hold, failures first."""
    return sorted((finding for finding in findings if not finding.passed), key=lambda finding: finding.warns)


def plot_by_check(quarantined: pd.DataFrame) -> Axes | None:
    """Quarantined records by failed check, from `quarantined_by_check`; None while there are none."""
    if quarantined.empty:
        return None
    sums = quarantined.groupby("check_name")["records"].sum().sort_values()
    return sums.plot.barh(
        figsize=(9, 0.5 + 0.3 * len(sums)), color="#b5532a", title="Quarantined records by failed check", ylabel=""
    )
