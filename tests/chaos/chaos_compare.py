"""Two workspaces side by side: every table, row by row, but for what names a run, a batch or the time of day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos_tables import table_folders
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.contracts.registry import all_tables

IGNORED: Mapping[str, str] = {
    "run_id": "names the run",
    "query_id": "Spark draws it when a stream begins",
    "batch_id": "how the records of a round are dealt out to batches depends on the kills",
    "committed_at": "time of day",
    "ingested_at": "time of day",
    "ingest_date": "time of day",
    "accepted_at": "time of day",
    "quarantined_at": "time of day",
    "scored_at": "time of day",
    "checked_at": "time of day",
    "first_seen_at": "time of day",
    "replayed_at": "time of day",
    "computed_at": "time of day",
}
"""Columns that are not compared, with the reason. Record ids are: both workspaces read the same paths."""


def _batches(rows: DataFrame) -> DataFrame:
    """Sums by feed and target: a kill may split a batch in two, but no record may be counted twice or not at all."""
    counted = [name for name in rows.columns if name not in _BATCH_NAMES and name not in IGNORED]
    return rows.groupBy(*_BATCH_NAMES).agg(*(F.sum(name).alias(name) for name in counted))


_BATCH_NAMES = ("source", "feed", "target", "kind")


def _newest_results(rows: DataFrame) -> DataFrame:
    """Each check's newest result: a run that was killed may have written results too."""
    newest = F.max_by(F.struct(*rows.columns), "checked_at").alias("newest")
    return rows.groupBy("subject", "check_name").agg(newest).select("newest.*")


def _fields(rows: DataFrame) -> DataFrame:
    """Without the example: it is any record of the first batch that had the field."""
    return rows.drop("record_id")


COMPARED_AS: Mapping[str, Callable[[DataFrame], DataFrame]] = {
    "ops.batches": _batches,
    "ops.quality_results": _newest_results,
    "ops.unmapped_fields": _fields,
}


@dataclass(frozen=True)
class Compared:
    """One table in both workspaces: its rows there, and what differs, in words."""

    table: str
    rows: int
    differences: tuple[str, ...]


def compare(spark: SparkSession, undisturbed: Path, disturbed: Path, shown: int = 3) -> list[Compared]:
    """Every table of two workspaces: the same rows, as often, and no key twice."""
    left, right = (dict(table_folders(home)) for home in (undisturbed, disturbed))
    compared = []
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            where = "undisturbed" if name in left else "disturbed"
            compared.append(Compared(name, 0, (f"is in the {where} workspace only",)))
            continue
        compared.append(_compared(spark, name, left[name], right[name], shown))
    return compared


def _compared(spark: SparkSession, name: str, left: Path, right: Path, shown: int) -> Compared:
    frames = [spark.read.format("delta").load(str(folder)) for folder in (left, right)]
    differences = []
    if frames[0].columns != frames[1].columns:
        differences.append(f"columns: {frames[0].columns} and {frames[1].columns}")
    counts = [_counted(name, frame) for frame in frames]
    for which, one, other in (("missing", 0, 1), ("too many", 1, 0)):
        surplus = {row: count - counts[other].get(row, 0) for row, count in counts[one].items()}
        found = sorted((row, count) for row, count in surplus.items() if count > 0)
        if found:
            differences.append(f"{sum(count for _, count in found)} rows {which}, such as")
            differences += [f"  {count} x {row}" for row, count in found[:shown]]
    if doubled := _doubled(name, frames[1]):
        differences.append(f"{doubled} keys are there more than once")
    return Compared(name, sum(counts[0].values()), tuple(differences))


def _counted(name: str, frame: DataFrame) -> dict[str, int]:
    rows = COMPARED_AS.get(name, lambda same: same)(frame)
    columns = sorted(column for column in rows.columns if column not in IGNORED)
    as_text = F.to_json(F.struct(*columns), {"ignoreNullFields": "false"}).alias("row")
    return {row["row"]: row["count"] for row in rows.select(as_text).groupBy("row").count().collect()}


def _doubled(name: str, frame: DataFrame) -> int:
    contract = {table.name: table for table in all_tables()}.get(name)
    key = contract.key if contract is not None else tuple(frame.columns)
    return frame.groupBy(*key).count().where("count > 1").count() if key else 0
