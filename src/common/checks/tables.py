"""Whether the tables that were built hold what their contracts promise: key, rows, and references between tables."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pyspark.sql import DataFrame

from common.checks.extents import NOTHING, Extents, extents, from_day, since, together
from common.checks.findings import Finding
from common.checks.foreign_keys import Orphans, Referring, Target, orphans
from common.checks.kept import basis, keep_findings, kept_findings
from common.checks.promises import broken_rows, foreign_key_name, promises, recent_by, row_checks
from common.contracts.bronze import bronze_table
from common.contracts.drift import ExistingColumn, drift
from common.contracts.ops import BATCHES, QUALITY_RESULTS
from common.contracts.registry import all_tables
from common.contracts.table import ForeignKey, Table
from common.storage.lake import Lake
from common.storage.last_success import Step

CHECKED_SCHEMAS = ("silver", "gold")


def checking(feeds: Iterable[str], unread: Any) -> Step:
    """What the checks at the end of a run depend on: all tables, those of the source's feeds among them.

    `unread` says which feeds could not be read, in a form for JSON.
    """
    contracts = [table.name for table in all_tables() if table.schema in CHECKED_SCHEMAS]
    reads = dict.fromkeys([*(bronze_table(feed).name for feed in feeds), *contracts, BATCHES.name])
    return Step("ops.check_quality", reads=tuple(reads), shares=(QUALITY_RESULTS.name,), looks_at=lambda _: unread)


def built_tables(lake: Lake) -> list[Table]:
    """The tables of silver and gold that are there."""
    return [table for table in all_tables() if table.schema in CHECKED_SCHEMAS and lake.exists(table)]


def check_tables(
    lake: Lake, tables: Iterable[Table], days: int, *, changed_only: bool = False, known: Extents = NOTHING
) -> list[Finding]:
    """Checks tables that are there against their contracts.

    Checked are: the columns; the key, unique and not null; the contract's own checks that don't depend on the source;
    foreign keys. A key that is on several dates of its scope is a finding of its own, `unique_across_dates`.

    Args:
        lake: the tables.
        tables: those to check.
        days: of each table, the rows of this many last days are checked, so that the cost doesn't grow with the
            table; 0: all rows. A table without dates is checked as a whole.
        changed_only: a table keeps the findings of its last check where neither it nor those that its foreign keys
            lead to have changed since.
        known: extents of tables that needn't be asked for again.
    """
    wanted = list(tables)
    bases = {t.name: basis(lake, t, *(key.to_table for key in t.foreign_keys), days=days) for t in wanted}
    found = kept_findings(lake, bases) if changed_only else {}
    fitting = []
    for table in wanted:
        if table.name not in found:
            found[table.name] = _misfits(lake, table)
            if all(finding.passed for finding in found[table.name]):
                fitting.append(table)
    for finding in _promises(lake, fitting, days, known):
        found[finding.subject].append(finding)
    keep_findings(lake, bases, found)
    return [finding for table in wanted for finding in found[table.name]]


def _promises(lake: Lake, tables: list[Table], days: int, known: Extents) -> list[Finding]:
    """The findings on the tables' promises, from their numbers."""
    targets = _targets(lake, tables)
    reach = extents(lake, [*targets.values(), *tables], known)
    first = {table.name: since(table, reach[table.name].newest, days) for table in tables}
    recent = {table.name: _recent(lake, table, first[table.name]) for table in tables}
    checked = together([broken_rows(recent[t.name], t) for t in tables if t.key or row_checks(t)])
    broken = {(row["table"], row["check_name"]): (row["broken"], row["example"]) for row in checked}
    rows = {name: extent.rows for name, extent in reach.items()} | {row["table"]: row["rows"] for row in checked}
    not_empty = {name: target for name, target in targets.items() if reach[name].rows}
    referring = [Referring(t.name, recent[t.name], _keys(lake, t, first[t.name], not_empty)) for t in tables]
    lost = orphans(referring)
    for one in referring:
        for key, _ in one.keys:
            found = lost.get((one.table, key), Orphans(0, None))
            broken[one.table, foreign_key_name(key)] = (found.rows, f"{key.column}={found.example}")
    findings = []
    for table in tables:
        among = f"of {rows[table.name]:,} rows" + (f" since {day}" if (day := first[table.name]) else "")
        for name, promise in promises(table).items():
            if (table.name, name) in broken:
                count, example = broken[table.name, name]
                details = f"{count:,} {among} break the rule: {promise.rule}"
                if count:
                    details += f"; for example {example}"
                findings.append(Finding(table.name, name, count == 0, details, promise.severity))
    return findings


def _misfits(lake: Lake, table: Table) -> list[Finding]:
    fields = lake.table(table).schema.fields
    existing = {f.name: ExistingColumn(f.dataType.simpleString(), f.metadata.get("comment", "")) for f in fields}
    wrong = drift(table, existing).misfits
    missing = [name for name in table.column_names if name not in existing]
    if wrong:
        return [Finding(table.name, "columns", False, "; ".join(wrong))]
    if missing:
        details = f"not there yet, and added when the table's task runs next: {', '.join(missing)}"
        return [Finding(table.name, "columns", False, details, "warning")]
    return [Finding(table.name, "columns", True, f"{len(table.columns)} as declared")]


def _targets(lake: Lake, tables: Iterable[Table]) -> Mapping[str, Table]:
    """The tables that foreign keys lead to and that are there, by name."""
    declared = {table.name: table for table in (*all_tables(), *tables)}
    names = dict.fromkeys(key.to_table for table in tables for key in table.foreign_keys)
    return {name: declared[name] for name in names if lake.exists(name)}


def _keys(
    lake: Lake, table: Table, first: date | None, targets: Mapping[str, Table]
) -> list[tuple[ForeignKey, Target]]:
    """The table's foreign keys that lead to one of the targets."""
    keys = []
    for key in table.foreign_keys:
        if target := targets.get(key.to_table):
            # Rows of the same days, where both tables have days of the same kind: an event is on one day everywhere.
            day = first if recent_by(target) == recent_by(table) else None
            keys.append((key, Target(f"{target.name} since {day}", key.to_column, _recent(lake, target, day))))
    return keys


def _recent(lake: Lake, table: Table, first: date | None) -> DataFrame:
    column = recent_by(table)
    return lake.table(table) if column is None else lake.table(table).where(from_day(column, first))
