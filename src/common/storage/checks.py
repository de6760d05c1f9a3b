"""What must hold over everything at the end of a run, written to ops.quality_results."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS, TARGETS, TRANSACTIONS
from common.contracts.star import FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.errors import ConservationError, QualityError
from common.platform import this_platform
from common.storage.batches import accounted
from common.storage.lake import Lake
from common.storage.positions import streams

CONSERVATION, COMPLETENESS = "conservation", "completeness"
_COUNTING = (CONSERVATION, COMPLETENESS)


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


def check_conservation(lake: Lake, flows: DataFrame | None = None) -> list[Finding]:
    """Checks that no record went missing or came from nowhere, and records the outcome.

    For every feed and target, records read = accepted + duplicates + quarantined + not selected, and each of these,
    with what replays and erasures moved, is what the tables hold. Every transaction has its features, its fact, and its
    score once there is a model; every report of fraud has its fact.
    """
    rows = (flows if flows is not None else accounted(lake)).collect()
    findings = [
        Finding(
            f"{row['feed']} -> {row['target']}",
            CONSERVATION,
            row["holds"],
            _equation(row),
        )
        for row in rows
    ]
    findings += _untold(lake, {row["target"] for row in rows})
    findings += [_as_many(lake, of, table) for table, of in _ONE_EACH.items() if _begun(lake, table)]
    record(lake, findings)
    return findings


def _equation(flow: Row) -> str:
    told = (
        f"read {flow['records_read']:,} (bronze holds {flow['in_bronze']:,}) = accepted {flow['accepted']:,} (target "
        f"holds {flow['in_target']:,}) + duplicates {flow['duplicates']:,} + quarantined {flow['quarantined']:,} "
        f"(quarantine holds {flow['in_quarantine']:,}) + not selected {flow['not_selected']:,}"
    )
    if flow["replayed"]:
        told += f"; {flow['replayed']:,} replayed from the quarantine, {flow['replayed_accepted']:,} of them accepted"
    if flow["erased"]:
        told += (
            f"; {flow['erased']:,} erased from bronze, {flow['erased_accepted']:,} from the target and "
            f"{flow['erased_quarantined']:,} from the quarantine"
        )
    return told


_ONE_EACH = {
    TRANSACTION_FEATURES.name: TRANSACTIONS.name,
    TRANSACTION_SCORES.name: TRANSACTIONS.name,
    FACT_TRANSACTION.name: TRANSACTIONS.name,
    FACT_FRAUD_REPORT.name: FRAUD_REPORTS.name,
}
"""Tables with one row for each row of another."""


def _untold(lake: Lake, told: set[str]) -> list[Finding]:
    """A finding for each stream into silver that has run and that ops.batches knows nothing of: its rows were lost."""
    ran = {stream.name.removeprefix("silver/") for stream in streams(lake.settings) if stream.batches}
    return [
        Finding(
            TARGETS[name].name,
            CONSERVATION,
            False,
            "ops.batches tells nothing of it, though its stream has run: "
            f"{lake.settings.how_to_reset(f'silver/{name}')}, and run the job to have its records counted again",
        )
        for name in sorted(ran & TARGETS.keys())
        if TARGETS[name].name not in told
    ]


def _begun(lake: Lake, table: str) -> bool:
    return lake.exists(table) and not lake.table(table).isEmpty()


def _as_many(lake: Lake, of: str, table: str) -> Finding:
    wanted, rows = lake.table(of).count(), lake.table(table).count()
    return Finding(f"{of} -> {table}", COMPLETENESS, rows == wanted, f"{rows:,} of {wanted:,} rows")


def record(lake: Lake, findings: Sequence[Finding]) -> None:
    """Adds the findings to ops.quality_results."""
    lake.ensure(QUALITY_RESULTS)
    if not findings:
        return
    rows = [(lake.settings.run_id, None, f.subject, f.check_name, f.severity, f.passed, f.details) for f in findings]
    frame = lake.spark.createDataFrame(rows, schema_of(QUALITY_RESULTS))
    lake.append(frame.withColumn("checked_at", F.current_timestamp()), QUALITY_RESULTS)


def require(findings: Sequence[Finding]) -> None:
    """Ends the run when a check failed that is more than a warning.

    Raises:
        ConservationError: records went missing or appeared; the message has the numbers of every failed check.
        QualityError: a table doesn't hold what its contract promises; likewise.
    """
    failed = [finding for finding in findings if finding.failed]
    if not failed:
        return
    told = "\n".join(f"  {finding.subject}: {finding.check_name}: {finding.details}" for finding in failed)
    message = f"{len(failed)} of {len(findings)} checks failed:\n{told}\n"
    if any(finding.check_name in _COUNTING for finding in failed):
        raise ConservationError(
            f"{message}An erasure or a replay that was broken off is ended by running that job again. After a table "
            f"was dropped or restored: reset the streams that write it ({this_platform().list_streams}) and run the "
            "job. Else look at the rows of ops.batches and silver.quarantine for these targets"
        )
    raise QualityError(
        f"{message}The rule is the contract's (docs/data-dictionary.md). Find the rows by the example, then the run "
        "that wrote them: DESCRIBE HISTORY of the table, and ops.quality_results for when it still held"
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
