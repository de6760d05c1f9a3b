"""Commits of a table, newest first: what each did, and how many rows it inserted, updated and deleted."""

from collections.abc import Mapping
from dataclasses import dataclass

from common.contracts.table import Table
from common.storage.lake import Lake
from common.storage.table_state import commit_info, commits_in, log_folder

_COUNTED_BY = {
    "WRITE": ("numOutputRows", "", ""),
    "STREAMING UPDATE": ("numOutputRows", "", ""),
    "MERGE": ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
    "DELETE": ("", "", "numDeletedRows"),
    "UPDATE": ("", "numUpdatedRows", ""),
}
"""By operation, Delta's metrics of rows inserted, updated and deleted."""

_WITHOUT_NEW_ROWS = frozenset(
    {
        "ADD COLUMNS",
        "CHANGE COLUMN",
        "CREATE TABLE",
        "DELETE",
        "OPTIMIZE",
        "REORG",
        "SET TBLPROPERTIES",
        "UNSET TBLPROPERTIES",
        "UPDATE",
        "VACUUM END",
        "VACUUM START",
    }
)


@dataclass(frozen=True)
class Commit:
    """A version of a table: the operation that made it, in Delta's words, and what Delta measured."""

    version: int
    operation: str
    metrics: Mapping[str, str]

    @property
    def rows(self) -> tuple[int, int, int]:
        """Rows inserted, updated and deleted; operations such as OPTIMIZE, VACUUM and ALTER have none."""
        inserted, updated, deleted = (
            int(self.metrics.get(name, 0)) for name in _COUNTED_BY.get(self.operation, ("", "", ""))
        )
        return inserted, updated, deleted

    @property
    def may_insert(self) -> bool:
        """Whether it may have added rows: false only where that is certain."""
        if self.operation in _WITHOUT_NEW_ROWS:
            return False
        counter = _COUNTED_BY.get(self.operation, ("numOutputRows",))[0]
        return self.metrics.get(counter) != "0"

    @property
    def keeps_rows(self) -> bool:
        """Whether it left all rows of before as they were: true only where that is certain. A WRITE appends here."""
        if self.operation in _COUNTED_BY:
            changing = [name for name in _COUNTED_BY[self.operation][1:] if name]
            return all(self.metrics.get(name) == "0" for name in changing)
        return self.operation in _WITHOUT_NEW_ROWS


def commits(lake: Lake, table: Table | str, after: int = -1) -> list[Commit]:
    """The commits after a version that the table's log still has; read as files where that is possible."""
    name = table if isinstance(table, str) else table.name
    log = log_folder(lake.settings, name)
    if log is not None:
        found = ((version, commit_info(log, version)) for version in commits_in(log) if version > after)
        return [Commit(v, i.get("operation", ""), i.get("operationMetrics") or {}) for v, i in found]
    # Asked for by number, not filtered: Delta then reads that many commits only.
    limit = f" LIMIT {lake.version(name) - after}" if after >= 0 else ""
    if limit == " LIMIT 0":
        return []
    history = lake.spark.sql(f"DESCRIBE HISTORY {lake.full_name(name)}{limit}").collect()
    rows = (Commit(row["version"], row["operation"], row["operationMetrics"] or {}) for row in history)
    return sorted((row for row in rows if row.version > after), key=lambda row: -row.version)
