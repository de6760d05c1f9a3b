"""Checks that no record goes missing or comes from nowhere: the sums of ops.batches against the tables' rows."""

from collections import Counter

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from common.checks.extents import NOTHING, Extents, extents
from common.checks.findings import COMPLETENESS, CONSERVATION, Finding
from common.contracts.bronze import bronze_table
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import BATCH_KINDS, BATCHES
from common.contracts.silver import FRAUD_REPORTS, IS_PURCHASE, QUARANTINE, TARGETS, TRANSACTIONS
from common.contracts.star import FACT_FRAUD_REPORT, FACT_TRANSACTION
from common.contracts.table import Table
from common.storage.batches import Counts
from common.storage.checkpoints import streams
from common.storage.lake import Lake


def check_conservation(lake: Lake, flows: DataFrame | None = None, known: Extents = NOTHING) -> list[Finding]:
    """Checks that no record went missing or came from nowhere.

    For every feed and target, records read = accepted + duplicates + quarantined + not selected, and each of these,
    with what replays and erasures moved, is what the tables hold. Every transaction has its features, its fact, and its
    score once there is a model; every report of fraud has its fact.
    """
    rows = (flows if flows is not None else accounted(lake, known)).collect()
    findings = [
        Finding(
            f"{row['feed']} -> {row['target']}",
            CONSERVATION,
            row["holds"],
            _equation(row),
        )
        for row in rows
    ]
    findings += _unaccounted(lake, {(row["target"], row["feed"]) for row in rows})
    return findings + _as_many(lake, known)


def _equation(flow: Row) -> str:
    text = (
        f"read {flow['records_read']:,} (bronze holds {flow['in_bronze']:,}) = accepted {flow['accepted']:,} (target "
        f"holds {flow['in_target']:,}) + duplicates {flow['duplicates']:,} + quarantined {flow['quarantined']:,} "
        f"(quarantine holds {flow['in_quarantine']:,}) + not selected {flow['not_selected']:,}"
    )
    if flow["replayed"]:
        text += f"; {flow['replayed']:,} replayed from the quarantine, {flow['replayed_accepted']:,} of them accepted"
    if flow["erased"]:
        text += (
            f"; {flow['erased']:,} erased from bronze, {flow['erased_accepted']:,} from the target and "
            f"{flow['erased_quarantined']:,} from the quarantine"
        )
    return text


_ONE_EACH = {
    TRANSACTION_FEATURES: TRANSACTIONS,
    TRANSACTION_SCORES: TRANSACTIONS,
    FACT_TRANSACTION: TRANSACTIONS,
    FACT_FRAUD_REPORT: FRAUD_REPORTS,
}
"""Tables with one row for each row of another."""
_OF_PURCHASES = (TRANSACTION_FEATURES, TRANSACTION_SCORES)
"""Those of them that leave out refunds."""


def _unaccounted(lake: Lake, counted: set[tuple[str, str]]) -> list[Finding]:
    """A finding for each stream into silver that has run but has no rows in ops.batches: they were lost."""
    ran = [stream.name.split("/")[1:] for stream in streams(lake.settings) if stream.batches and _is_flow(stream.name)]
    return [
        Finding(
            f"{feed} -> {TARGETS[name].name}",
            CONSERVATION,
            False,
            "ops.batches has no row of it, though its stream has run: "
            f"{lake.settings.how_to_reset(f'silver/{name}')}, and run the job to have its records counted again",
        )
        for name, feed in sorted(ran)
        if (TARGETS[name].name, feed) not in counted
    ]


def _is_flow(stream: str) -> bool:
    layer, *names = stream.split("/")
    return layer == "silver" and len(names) == 2 and names[0] in TARGETS


def _as_many(lake: Lake, known: Extents) -> list[Finding]:
    """Whether tables that have rows have one for each row of another."""
    there = {table: of for table, of in _ONE_EACH.items() if lake.exists(table)}
    found = extents(lake, [*there.keys(), *there.values()], known)
    findings = []
    for table, of in there.items():
        rows, wanted = found[table.name].rows, found[of.name].rows
        if rows and rows != wanted and table in _OF_PURCHASES:
            wanted = lake.table(of).where(IS_PURCHASE).count()
        if rows:
            details = f"{rows:,} of {wanted:,} rows"
            findings.append(Finding(f"{of.name} -> {table.name}", COMPLETENESS, rows == wanted, details))
    return findings


def accounted(lake: Lake, known: Extents = NOTHING) -> DataFrame:
    """For every feed and target, the sums of its batches beside what the tables hold.

    A query whose checkpoint was removed reads everything again, under a new id: only the newest one's batches count,
    with the replays and erasures that came after it began.

    Returns:
        feed, target, records_read, accepted, duplicates, quarantined, not_selected (of the stream), replayed,
        replayed_accepted, erased, erased_accepted, erased_quarantined, in_bronze, in_target, in_quarantine (bigint)
        and `holds` (boolean).
    """
    batches = lake.table(BATCHES)
    flow = ("feed", "target")
    streams = batches.where("kind = 'stream'")
    newest = streams.groupBy(*flow).agg(F.max_by("query_id", "committed_at").alias("query_id"))
    current = streams.join(newest, [*flow, "query_id"], "left_semi")
    begun = current.groupBy(*flow).agg(F.min("committed_at").alias("begun"))
    later = batches.where("kind <> 'stream'").join(begun, list(flow)).where("committed_at >= begun").drop("begun")
    of = {kind: F.col("kind") == kind for kind in BATCH_KINDS}
    sums = (
        current.unionByName(later)
        .groupBy(*flow)
        .agg(
            *(_sum(of["stream"], name, name) for name in Counts.__dataclass_fields__),
            _sum(of["replay"], "records_read", "replayed"),
            _sum(of["replay"], "accepted", "replayed_accepted"),
            _sum(of["erasure"], "records_read", "erased"),
            _sum(of["erasure"], "accepted", "erased_accepted"),
            _sum(of["erasure"], "quarantined", "erased_quarantined"),
        )
    )
    counted = sums.orderBy(*flow).collect()
    found = _in_tables(lake, [(row["feed"], row["target"]) for row in counted], known)
    rows = [(*row, *there, _holds(row, *there)) for row, there in zip(counted, found, strict=True)]
    schema = "in_bronze bigint, in_target bigint, in_quarantine bigint, holds boolean"
    return lake.spark.createDataFrame(rows, f"{_ddl(sums)}, {schema}")


def _ddl(rows: DataFrame) -> str:
    return ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in rows.schema.fields)


def _holds(flow: Row, in_bronze: int, in_target: int, in_quarantine: int) -> bool:
    return bool(
        flow.records_read == flow.accepted + flow.duplicates + flow.quarantined + flow.not_selected
        and in_bronze == flow.records_read - flow.erased
        and in_target == flow.accepted + flow.replayed_accepted - flow.erased_accepted
        and in_quarantine == flow.quarantined - flow.replayed - flow.erased_quarantined
    )


def _sum(of_kind: Column, name: str, total: str) -> Column:
    return F.coalesce(F.sum(F.when(of_kind, F.col(name))), F.lit(0)).alias(total)


def _in_tables(lake: Lake, flows: list[tuple[str, str]], known: Extents) -> list[tuple[int, int, int]]:
    """For each feed and target, the rows of its bronze table, those it brought to the target, and to the quarantine."""
    rows = lake.table(QUARANTINE).groupBy("feed", "target").count().collect()
    in_quarantine = {(row["feed"], row["target"]): row["count"] for row in rows}
    targets = {table.name: table for table in TARGETS.values()}
    tables = [table for feed, target in flows for table in (bronze_table(feed), targets[target])]
    found = extents(lake, tables, known)
    feeds = Counter(target for _, target in flows)
    return [
        (
            found[bronze_table(feed).name].rows,
            found[target].rows if feeds[target] == 1 else _rows_of(lake, feed, targets[target]),
            in_quarantine.get((feed, target), 0),
        )
        for feed, target in flows
    ]


def _rows_of(lake: Lake, feed: str, target: Table) -> int:
    """How many rows of a target one of its feeds brought."""
    records = lake.table(bronze_table(feed)).select("record_id")
    return lake.table(target).join(records, "record_id", "left_semi").count()
