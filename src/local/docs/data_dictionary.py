"""docs/data-dictionary.md: every table and column, written from the contracts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from common.checks.promises import promises, recent_by
from common.contracts.bronze import bronze_table
from common.contracts.registry import LAYERS, all_tables, all_views
from common.contracts.table import Freshness, Table, View, Volume
from common.settings import repository

LAYER_TITLES = {
    "bronze": "Bronze: as received",
    "silver": "Silver: cleaned and checked",
    "gold": "Gold: for people and models",
    "ops": "Ops: what was done and checked",
}

HEAD = """# Data dictionary

Every table with its grain, key, columns, checks and expectations. Written from the contracts in
`src/common/contracts/` by `make docs`: change those, not this page. The same comments are on the tables themselves:
`lakehouse sql "DESCRIBE TABLE silver.transactions"`. What it all means is in [data.md](data.md), which task
reads and writes what in [lineage.md](lineage.md).

Columns marked *personal* identify a person directly: looks mask them, and no statistics of them are kept.

A check that breaks in a record sends it to `silver.quarantine`; the same checks are made again on the built tables,
with key and references, by `notebooks/ops/check_quality.ipynb`. *Where mapped* means that the check holds only where
the source maps the column. A check that is a *warning* is reported, and doesn't end the run.
"""


def dictionary_file() -> Path:
    """Where the page is."""
    return repository() / "docs" / "data-dictionary.md"


def data_dictionary() -> str:
    """The page, from the contracts as they are."""
    lines = [HEAD]
    for layer in LAYERS:
        lines.append(f"## {LAYER_TITLES[layer]}\n")
        tables = [bronze_table("FEED")] if layer == "bronze" else [t for t in all_tables() if t.schema == layer]
        for table in tables:
            lines += _table(table)
        for view in (view for view in all_views() if view.name.startswith(f"{layer}.")):
            lines += _view(view)
    return "\n".join(lines).rstrip() + "\n"


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield f"{table.comment}\n"
    yield from _rows(("", ""), [(name, value) for name, value in _facts(table) if value])
    yield from _rows(
        ("column", "type", "what"),
        [(f"`{c.name}`", f"`{c.type}`", c.comment + (" *Personal.*" if c.personal else "")) for c in table.columns],
    )
    if checks := _checks(table):
        yield from _rows(("check", "rule"), checks)


def _view(view: View) -> Iterator[str]:
    yield f"### {view.name}\n"
    yield f"{view.comment} A view of `{view.of.name}` where `{view.condition}`.\n"


def _facts(table: Table) -> Iterator[tuple[str, str]]:
    yield "grain", table.grain
    nullable = f" (null allowed in {_code(table.nullable_key)})" if table.nullable_key else ""
    yield "key", _code(table.key) + nullable if table.key else ""
    yield "looked up within", _code((table.key_scope,)) if table.key_scope else ""
    yield "clustered by", _code(table.cluster_by)
    yield "references", "; ".join(f"`{k.column}` to `{k.to_table}.{k.to_column}`" for k in table.foreign_keys)
    yield "expected", "; ".join(_expected(promise) for promise in table.expectations)
    recent = recent_by(table)
    yield "checked", f"the last days by `{recent}`" if recent and table.schema in ("silver", "gold") else ""


def _expected(promise: Freshness | Volume) -> str:
    if isinstance(promise, Freshness):
        return f"`{promise.column}` at most {promise.max_hours:,} hours behind the newest event ({promise.severity})"
    return f"a day by `{promise.column}` of at least {promise.min_share:.0%} of the usual ({promise.severity})"


def _checks(table: Table) -> list[tuple[str, str]]:
    if table.schema not in ("silver", "gold"):
        return []
    built = [
        (f"`{name}`", promise.rule + (" *Warning.*" if promise.severity == "warning" else ""))
        for name, promise in promises(table).items()
    ]
    mapped = [
        (f"`{check.name}`", f"{', '.join(check.columns)} {check.rule} *Where mapped.*")
        for check in table.checks
        if check.if_mapped
    ]
    return built + mapped


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""
