"""What checks found: written to ops.quality_results, summed up in words, and the error that ends a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.ops import QUALITY_RESULTS
from common.errors import ConservationError, FeedError, LakehouseError, OutputError, QualityError
from common.platform import this_platform
from common.storage.lake import Lake

CONSERVATION, COMPLETENESS = "conservation", "completeness"
_COUNTING = (CONSERVATION, COMPLETENESS)
FEED_WAS_READ = "feed_was_read"
OUTPUT_WAS_REACHED = "output_was_reached"
"""A warning where it fails: that a target is away ends `publish`, and says nothing of the lakehouse."""
OUTPUT_UNCHANGED, OUTPUT_COMPLETE = "output_unchanged", "output_complete"
_OF_OUTPUTS = (OUTPUT_WAS_REACHED, OUTPUT_UNCHANGED, OUTPUT_COMPLETE)


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    subject: str
    check_name: str
    passed: bool
    details: str
    severity: str = "failure"

    @property
    def failed(self) -> bool:
        """Whether it ends the run."""
        return not self.passed and self.severity == "failure"

    @property
    def warns(self) -> bool:
        """Whether it is a warning."""
        return not self.passed and self.severity == "warning"


def record(lake: Lake, findings: Sequence[Finding]) -> None:
    """Adds the findings to ops.quality_results."""
    lake.ensure(QUALITY_RESULTS)
    if not findings:
        return
    rows = [(lake.settings.run_id, None, f.subject, f.check_name, f.severity, f.passed, f.details) for f in findings]
    frame = lake.spark.createDataFrame(rows, schema_of(QUALITY_RESULTS))
    lake.append(frame.withColumn("checked_at", F.current_timestamp()), QUALITY_RESULTS)


def failure(findings: Sequence[Finding]) -> LakehouseError | None:
    """The error that ends the run when a check failed that is more than a warning, with the numbers of each.

    Returns:
        A ConservationError where records went missing or appeared, a QualityError where a table doesn't hold what its
        contract promises, a FeedError where all that failed is that feeds could not be read, an OutputError where an
        output hasn't what it was sent, None where all is well.
    """
    failed = [finding for finding in findings if finding.failed]
    if not failed:
        return None
    lines = "\n".join(f"  {finding.subject}: {finding.check_name}: {finding.details}" for finding in failed)
    message = f"{len(failed)} of {len(findings)} checks failed:\n{lines}\n"
    if any(finding.check_name == FEED_WAS_READ for finding in failed):
        message += (
            "The records of the other feeds went on through this run. Do what is named, then run the job again; a feed "
            "whose server was away goes on where it was. "
        )
    if any(finding.check_name in _OF_OUTPUTS for finding in failed):
        message += "An output's next delivery brings what it should have: run publish. "
    names = {finding.check_name for finding in failed}
    if names <= {FEED_WAS_READ, *_OF_OUTPUTS}:
        return FeedError(message.strip()) if FEED_WAS_READ in names else OutputError(message.strip())
    if any(finding.check_name in _COUNTING for finding in failed):
        return ConservationError(
            f"{message}An erasure or a replay that was broken off ends when its job is run again. After a table "
            f"was dropped or restored: reset the streams that write it ({this_platform().list_streams}) and run the "
            "job. Else look at the rows of ops.batches and silver.quarantine for these targets"
        )
    return QualityError(
        f"{message}The rule is the contract's (docs/data-dictionary.md). Find the rows by the example, then the run "
        "that wrote them: DESCRIBE HISTORY of the table, and ops.quality_results for when it last passed"
    )


def summary(findings: Sequence[Finding]) -> str:
    """The findings in a few words."""
    failures, warnings = sum(f.failed for f in findings), sum(f.warns for f in findings)
    if not failures and not warnings:
        return f"all {len(findings)} checks hold"
    return f"of {len(findings)} checks, {failures} failed and {warnings} warn"


def warnings(findings: Sequence[Finding]) -> dict[str, str]:
    """What warns and why, for a run's summary."""
    return {f"{finding.subject}: {finding.check_name}": finding.details for finding in findings if finding.warns}
