"""What the weeks of the model in use come to: findings for a run's summary, and whether a new model is due."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from common.checks.findings import Finding
from common.contracts.monitoring import DRIFT, PERFORMANCE
from common.ml.monitoring.measured import Measured
from common.ml.monitoring.weeks import WEEK
from common.settings import MODEL_NAME, SUSTAINED_WEEKS

Weeks = Mapping[date, Sequence[Measured]]
"""The figures of one version, by the Monday of their week."""


def findings(version: str, weeks: Weeks) -> list[Finding]:
    """A finding for each verdict: of the newest week, and on performance of the newest whose labels are mature.

    Each is a warning at most: the run has done its work, and a person or a new model has to act. Figures with limits
    and too few rows are one finding that says so.
    """
    found = []
    for performs in (False, True):
        of_kind = {week: [m for m in of if (m.metric in PERFORMANCE) == performs] for week, of in weeks.items()}
        newest = max((week for week, of in of_kind.items() if of), default=None)
        if newest is not None:
            found += [_finding(version, newest, m) for m in of_kind[newest] if m.is_breached is not None]
            found += _undecided(version, newest, [m for m in of_kind[newest] if m.is_breached is None and m.note])
    return found


def retrain_reason(version: str, weeks: Weeks) -> str:
    """Why a new model is due by what was measured; empty where it isn't.

    It is when drift of a feature or the score, or lost performance, has lasted for `SUSTAINED_WEEKS` weeks up to the
    newest in which it was measured. Nulls, rules, alerts and freshness make none: training doesn't mend a feed.
    """
    parts = []
    for what, metrics in (("drift", DRIFT), ("lost performance", PERFORMANCE)):
        since = [(subject, start) for subject, start in _sustained(weeks, metrics)]
        if since:
            names = ", ".join(dict.fromkeys(subject for subject, _ in since))
            parts.append(f"sustained {what} of {names} since {min(start for _, start in since)}")
    return f"{'; '.join(parts)}, by gold.model_monitoring of version {version}" if parts else ""


def _sustained(weeks: Weeks, metrics: Sequence[str]) -> Iterator[tuple[str, date]]:
    """What has been beyond its limits in each of the newest weeks, and since when."""
    breached: dict[tuple[str, str], dict[date, bool]] = {}
    for week, of in weeks.items():
        for m in of:
            if m.metric in metrics and m.is_breached is not None:
                breached.setdefault((m.metric, m.subject), {})[week] = m.is_breached
    for (metric, subject), by_week in breached.items():
        start = week = max(by_week)
        while by_week.get(week):
            start, week = week, week - WEEK
        if (max(by_week) - week) // WEEK >= SUSTAINED_WEEKS:
            yield metric if metric in PERFORMANCE else subject, start


def _finding(version: str, week: date, m: Measured) -> Finding:
    limits = [f"{name} {limit:.4g}" for name, limit in (("at least", m.at_least), ("at most", m.at_most)) if limit]
    usual = f", {m.baseline:.4g} is usual" if m.baseline is not None else ""
    details = f"{m.value:.4g} in the week of {week}; {' and '.join(limits)}{usual}"
    name = f"{m.metric} of {m.subject}"
    return Finding(_subject(version), name, not m.is_breached, f"{details}; {m.note}" if m.note else details, "warning")


def _undecided(version: str, week: date, undecided: Sequence[Measured]) -> Iterator[Finding]:
    notes: dict[str, list[str]] = {}
    for m in undecided:
        notes.setdefault(m.note, []).append(f"{m.metric} of {m.subject}")
    for note, names in notes.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        details = f"{names[0]}{more} in the week of {week}: {note}"
        yield Finding(_subject(version), f"verdict on {names[0]}", True, details, "warning")


def _subject(version: str) -> str:
    return f"{MODEL_NAME} version {version}"
