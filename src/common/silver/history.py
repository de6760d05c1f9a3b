"""Slowly changing dimensions, type 2: the history of each key, derived from all its accepted changes.

Changes are ordered by the source's own time (`changed_at`, then `change_order`, then `content_hash`), never by arrival,
and neighbours that are equal make one version: the same changes give the same history in whatever order they come. Of
changes that one transaction made to a key, only the last was ever seen by anybody else: it alone makes a version.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.checks.extents import together
from common.checks.findings import COMPLETENESS, Finding
from common.checks.kept import basis, keep_findings, kept_findings
from common.contracts.reference import Reference
from common.contracts.silver import REFERENCES
from common.contracts.table import Table
from common.storage.difference import merge_difference
from common.storage.lake import Lake


def versions(changes: DataFrame, reference: Reference) -> DataFrame:
    """The versions that the changes make, in the columns of `reference.history`.

    All is read off neighbours in one order, so that the changes are shuffled and sorted once. A version's first change
    gives its content and when it began, its last one what is carried, and the first of the next one when it ended.
    """
    order = ("changed_at", "change_order", "content_hash", *reference.carried, "record_id")
    in_order = Window.partitionBy(reference.key).orderBy(*order)
    is_passing = F.col("change_order").isNotNull() & (F.col("changed_at") == F.lead("changed_at").over(in_order))
    changes = changes.withColumn("_is_passing", F.coalesce(is_passing, F.lit(False))).where("NOT _is_passing")
    ends = {
        "_is_first": ~F.col("content_hash").eqNullSafe(F.lag("content_hash").over(in_order)),
        "_is_last": ~F.col("content_hash").eqNullSafe(F.lead("content_hash").over(in_order)),
    }
    outer = changes.withColumns(ends).where("_is_first OR _is_last")

    def of_last(name: str) -> Column:
        return F.when(F.col("_is_last"), F.col(name)).otherwise(F.lead(name).over(in_order))

    next_first = F.when(F.col("_is_last"), F.lead("changed_at").over(in_order)).otherwise(
        F.lead("changed_at", 2).over(in_order)
    )
    made = {"valid_from": F.col("changed_at"), "valid_to": next_first, "is_current": next_first.isNull()}
    dated = outer.withColumns(made | {f"_{name}": of_last(name) for name in reference.carried})
    columns = [F.col(f"_{n}" if n in reference.carried else n).alias(n) for n in reference.history.column_names]
    return dated.where("_is_first").select(*columns)


def rebuild_history(lake: Lake, reference: Reference, keys: DataFrame) -> None:
    """Derives the history of these keys from all their changes and merges the difference into the history table."""
    derived = versions(lake.table(reference.changes).join(keys, reference.key, "left_semi"), reference)
    existing = lake.table(reference.history).join(keys, reference.key, "left_semi")
    merge_difference(lake, derived, existing, reference.history)


def check_histories(lake: Lake, *, changed_only: bool = False) -> list[Finding]:
    """Checks that each history is what the accepted changes make.

    A history that was restored to an earlier version still has unique keys and good rows. This compares the
    number of versions and the sum of their digests. With `changed_only`, a history keeps the finding of its last check
    where neither it nor its changes have changed since.
    """
    known = [r for r in REFERENCES.values() if lake.exists(r.changes) and lake.exists(r.history)]
    bases = {_flow(reference): basis(lake, reference.changes, reference.history) for reference in known}
    kept = kept_findings(lake, bases) if changed_only else {}
    there = [reference for reference in known if _flow(reference) not in kept]
    sides = [
        part
        for reference in there
        for part in (
            _digested(versions(lake.table(reference.changes), reference), reference.history, "derived"),
            _digested(lake.table(reference.history), reference.history, "existing"),
        )
    ]
    found = {(row["table"], row["side"]): (row["versions"], row["digest"]) for row in together(sides)}
    for reference in there:
        name = reference.history.name
        existing, derived = found[name, "existing"], found[name, "derived"]
        details = f"{existing[0]:,} versions; the accepted changes make {derived[0]:,}"
        if existing != derived:
            details += (
                f", and they differ. To derive them again: {lake.settings.how_to_reset(name.replace('.', '/'))}, then "
                "run the job"
            )
        kept[_flow(reference)] = [Finding(_flow(reference), COMPLETENESS, existing == derived, details)]
    keep_findings(lake, bases, kept)
    return [finding for reference in known for finding in kept[_flow(reference)]]


def _flow(reference: Reference) -> str:
    return f"{reference.changes.name} -> {reference.history.name}"


def _digested(rows: DataFrame, history: Table, side: str) -> DataFrame:
    columns = [F.col(column.name).cast(column.type) for column in history.columns]
    digest = F.sum(F.xxhash64(*columns).cast("decimal(20,0)"))
    return rows.agg(
        F.lit(history.name).alias("table"),
        F.lit(side).alias("side"),
        F.count("*").alias("versions"),
        digest.alias("digest"),
    )
