"""What must hold over everything at the end of a run, written to ops.quality_results."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import TRANSACTIONS
from common.errors import ConservationError
from common.storage.batches import accounted
from common.storage.lake import Lake


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    subject: str
    check_name: str
    passed: bool
    details: str


def check_conservation(lake: Lake, flows: DataFrame | None = None) -> list[Finding]:
    """Checks that no record went missing or came from nowhere, and records the outcome.

    For every feed and target, records read = accepted + duplicates + quarantined + not selected, and each of these
    is what the tables hold. Every transaction has its features, and its score once there is a model.
    """
    rows = (flows if flows is not None else accounted(lake)).collect()
    findings = [
        Finding(
            f"{row['feed']} -> {row['target']}",
            "conservation",
            row["holds"],
            f"read {row['records_read']:,} (bronze holds {row['in_bronze']:,}) = accepted {row['accepted']:,} (target "
            f"holds {row['in_target']:,}) + duplicates {row['duplicates']:,} + quarantined {row['quarantined']:,} "
            f"(quarantine holds {row['in_quarantine']:,}) + not selected {row['not_selected']:,}",
        )
        for row in rows
    ]
    findings += [
        _as_many(lake, table.name) for table in (TRANSACTION_FEATURES, TRANSACTION_SCORES) if _begun(lake, table.name)
    ]
    _write(lake, findings)
    return findings


def _begun(lake: Lake, table: str) -> bool:
    return lake.exists(table) and not lake.table(table).isEmpty()


def _as_many(lake: Lake, table: str) -> Finding:
    transactions, rows = lake.table(TRANSACTIONS).count(), lake.table(table).count()
    return Finding(
        f"{TRANSACTIONS.name} -> {table}", "completeness", rows == transactions, f"{rows:,} of {transactions:,} rows"
    )


def _write(lake: Lake, findings: list[Finding]) -> None:
    lake.ensure(QUALITY_RESULTS)
    if not findings:
        return
    rows = [(lake.settings.run_id, None, f.subject, f.check_name, f.passed, f.details) for f in findings]
    frame = lake.spark.createDataFrame(rows, schema_of(QUALITY_RESULTS))
    lake.append(frame.withColumn("checked_at", F.current_timestamp()), QUALITY_RESULTS)


def require(findings: list[Finding]) -> None:
    """Ends the run when a check failed.

    Raises:
        ConservationError: with the numbers of every check that failed.
    """
    if failed := [finding for finding in findings if not finding.passed]:
        lines = reduce(lambda text, f: f"{text}\n  {f.subject}: {f.details}", failed, "")
        raise ConservationError(
            f"{len(failed)} of {len(findings)} checks failed:{lines}\nLook at the rows of ops.batches and "
            "silver.quarantine for these targets"
        )
