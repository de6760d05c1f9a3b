"""What a step has written, by the tables' own logs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.contracts.table import Table
from common.storage.commits import commits
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
    written = [commit.rows for commit in commits(lake, table, after=version)]
    return Changes(*map(sum, zip(*written, strict=True))) if written else Changes()
