"""What a step has written, by the tables' own logs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from common.contracts.table import Table
from common.storage.lake import Lake


@dataclass(frozen=True)
class Changes:
    """Rows that commits have inserted, updated and deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def versions(lake: Lake, tables: Iterable[Table]) -> dict[str, int]:
    """The newest version of each table by name; -1 where there is none."""
    return {table.name: lake.version(table) for table in tables}


def changes_since(lake: Lake, before: Mapping[str, int]) -> dict[str, Changes]:
    """By table, what was written after the versions that `versions` gave."""
    return {table: _changes(lake, table, version) for table, version in before.items()}


def _changes(lake: Lake, table: str, version: int) -> Changes:
    commits = lake.version(table) - version
    if not commits:
        return Changes()
    # Asked for by number, not filtered: Delta then reads that many commits only.
    history = lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(table)} LIMIT {commits}").collect()
    found = [_of_commit(row["operation"], row["operationMetrics"] or {}) for row in history if row["version"] > version]
    return Changes(*(sum(values) for values in zip(*found, strict=True))) if found else Changes()


def _of_commit(operation: str, metrics: Mapping[str, Any]) -> tuple[int, int, int]:
    names = _METRICS.get(operation, ("", "", ""))
    inserted, updated, deleted = (int(metrics.get(name, 0)) for name in names)
    return inserted, updated, deleted


_METRICS = {
    "WRITE": ("numOutputRows", "", ""),
    "STREAMING UPDATE": ("numOutputRows", "", ""),
    "MERGE": ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
    "DELETE": ("", "", "numDeletedRows"),
    "UPDATE": ("", "numUpdatedRows", ""),
}
"""By operation, the metrics that count rows; other operations (OPTIMIZE, VACUUM, ALTER) add and remove none."""
