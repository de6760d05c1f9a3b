"""gold.model_monitoring: drift, alerts and performance of the model in use, week by week.

A run measures the weeks that something new concerns: those that are over since, whose labels are mature since, or that
a late transaction or label is about. All of them are measured by a few queries, whatever the number of features. What
is measured again and comes to the same is not written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from common.checks.findings import Finding, record, warnings
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.monitoring import MODEL_MONITORING
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS
from common.features.labels import LABELLED_BY
from common.gold.monitored_weeks import Due, due_weeks, kept_weeks, write_weeks
from common.ml.model_versions import RETRAIN_DUE, champion_version, retrain_due
from common.ml.monitoring.figures import drift, freshness, performance, rates
from common.ml.monitoring.measured import Measured
from common.ml.monitoring.rows import judged_rows, newest_reports, scored_days, week_counts
from common.ml.monitoring.training_window import features_offered, reference_of
from common.ml.monitoring.verdict import findings, retrain_reason
from common.ml.monitoring.weeks import Week, whole_weeks
from common.ml.registry import Registry
from common.result import Result
from common.storage.lake import Lake
from common.storage.last_success import Step

STEP = Step(
    "gold.model_monitoring",
    reads=tuple(table.name for table in (TRANSACTION_SCORES, TRANSACTION_FEATURES, *LABELLED_BY)),
    writes=(MODEL_MONITORING.name,),
    shares=(QUALITY_RESULTS.name,),
    looks_at=champion_version,
    leaves=retrain_due,
)


@dataclass(frozen=True)
class Monitoring:
    """What a run measured, and what that comes to for the model in use."""

    weeks: int
    rows: int
    figures_written: int
    findings: Sequence[Finding] = field(default_factory=tuple)
    retrain: str = ""

    def result(self) -> Result:
        """For the run's summary."""
        measured = f"{self.weeks} weeks measured" if self.weeks else "no week is newly whole, mature or changed"
        note = f"a new model is due: {self.retrain}" if self.retrain else measured
        return Result(self.rows, self.figures_written, note, {"warnings": warnings(self.findings)})


def monitor(lake: Lake, registry: Registry) -> Monitoring:
    """Measures the weeks that are due, and judges the model in use by its newest ones.

    The verdicts go to ops.quality_results. Where drift or lost performance has lasted, the version in use gets a tag
    that makes training due; where it has not, the tag is emptied.
    """
    began = datetime.now(UTC)
    lake.ensure(TRANSACTION_SCORES, TRANSACTION_FEATURES, FRAUD_REPORTS, MODEL_MONITORING)
    due = due_weeks(lake)
    weeks = whole_weeks(scored_days(lake, due.weeks), due.whole_until) if due.weeks else []
    written = write_weeks(lake, due.weeks, measure(lake, registry, due, weeks), began) if due.weeks else 0
    champion = registry.champion()
    if champion is None:
        return Monitoring(len(weeks), sum(week.rows for week in weeks), written)
    version = champion.model.version
    kept = kept_weeks(lake, version)
    reason = retrain_reason(version, kept)
    if reason != (retrain_due(lake.settings) or ""):
        registry.note(champion.number, {RETRAIN_DUE: reason})
    found = findings(version, kept)
    record(lake, found)
    return Monitoring(len(weeks), sum(week.rows for week in weeks), written, found, reason)


def measure(
    lake: Lake, registry: Registry, due: Due, weeks: Sequence[Week]
) -> dict[tuple[str, date], Sequence[Measured]]:
    """The figures of whole weeks, by version and Monday."""
    if not weeks:
        return {}
    references = {version: reference_of(lake, registry, version) for version in {week.version for week in weeks}}
    edges = {version: known.edges for version, (known, _) in references.items()}
    # Of a week's own version nothing needs to be asked.
    others = {version for week in weeks for version in week.versions - {week.version}}
    counts = week_counts(lake, weeks, edges, {version: features_offered(registry, version) for version in others})
    reported = newest_reports(lake, weeks)
    judged = judged_rows(lake, [week for week in weeks if due.is_mature(week)])
    measured: dict[tuple[str, date], Sequence[Measured]] = {}
    for week in weeks:
        reference, cards_per_day = references[week.version]
        figures = [*drift(reference, counts[week.start]), *rates(week, reference, cards_per_day)]
        figures += freshness(week, reported[week.start])
        if due.is_mature(week):
            figures += performance(judged[week.start], reference, cards_per_day)
        measured[week.version, week.start] = figures
    return measured
