"""A contract's promises as checks of a table that was built, all of them in one pass over its rows.

Each check is an aggregate: how many rows break it, and the key of one that does.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.checks.rows import breaks, shown
from common.contracts.table import Check, ForeignKey, Freshness, Table, required

RESULT = "table string, check_name string, rows bigint, broken bigint, example string"
"""What `broken_rows` returns, as a DDL schema."""

UNIQUE = "unique"
UNIQUE_ACROSS_DATES = "unique_across_dates"


@dataclass(frozen=True)
class Promise:
    """What a check's result means: its severity, and its rule in words."""

    severity: str
    rule: str


def recent_by(table: Table) -> str | None:
    """The column that says which rows are recent: the key's scope, the event's date, or the time that is kept fresh.

    None: the table is checked as a whole.
    """
    if table.key_scope is not None:
        return table.key_scope
    if "event_date" in table.column_names:
        return "event_date"
    return next((promise.column for promise in table.expectations if isinstance(promise, Freshness)), None)


def row_checks(table: Table) -> tuple[Check, ...]:
    """The checks of single rows: no null in the key, and the contract's own.

    Those that hold only where a source maps a column don't apply: the table doesn't say which source a row is of.
    """
    own = [check for check in table.checks if not check.if_mapped]
    own_names = {check.name for check in own}
    keys = (column for column in table.key if column not in table.nullable_key)
    in_key = [check for check in required(*keys) if check.name not in own_names]
    return (*in_key, *own)


def foreign_key_name(key: ForeignKey) -> str:
    """The name of a foreign key's check."""
    return f"{key.column}_in_{key.to_table.split('.')[1]}"


def promises(table: Table) -> dict[str, Promise]:
    """Every check of a built table by name, in the order of the dictionary: key, rows, foreign keys."""
    found: dict[str, Promise] = {}
    if table.key:
        key = ", ".join(table.key)
        found[UNIQUE] = Promise("failure", f"one row for each {key}")
        if _scope_outside_of_key(table):
            # A source may send an id again with another date; that is the source's fault, and a batch can't see it.
            found[UNIQUE_ACROSS_DATES] = Promise("warning", f"{key} on one {table.key_scope} only")
    for check in row_checks(table):
        found[check.name] = Promise("failure", f"{', '.join(check.columns)} {check.rule}")
    for foreign in table.foreign_keys:
        rule = f"every {foreign.column} is a {foreign.to_column} of {foreign.to_table}"
        found[foreign_key_name(foreign)] = Promise(foreign.severity, rule)
    return found


def broken_rows(rows: DataFrame, table: Table) -> DataFrame:
    """How many rows break the key's uniqueness and each check of single rows; columns as `RESULT`.

    Rows are grouped by the key, then the groups are summed up: one shuffle, however many checks there are. Within a
    group, the parts of the key's scope separate rows that are there twice from an id that came again on another date.
    """
    checks = row_checks(table)
    groups = rows.groupBy(*table.key).agg(
        F.count("*").alias("_rows"),
        _scopes(table).alias("_scopes"),
        *(F.count_if(breaks(check)).alias(f"_broken_{number}") for number, check in enumerate(checks)),
    )
    broken = {check.name: F.col(f"_broken_{number}") for number, check in enumerate(checks)}
    if table.key:
        broken[UNIQUE] = F.col("_rows") - F.col("_scopes")
    if _scope_outside_of_key(table):
        broken[UNIQUE_ACROSS_DATES] = F.col("_scopes") - 1
    results = [_summed(table, name, column) for name, column in broken.items()]
    return groups.agg(F.array(*results).alias("results")).select(F.inline("results"))


def _scope_outside_of_key(table: Table) -> str | None:
    return table.key_scope if table.key and table.key_scope not in table.key else None


def _scopes(table: Table) -> Column:
    """The number of parts of the key's scope that hold a key's rows; no part counts as one."""
    scope = _scope_outside_of_key(table)
    if scope is None:
        return F.lit(1)
    # No distinct count, which would be a second shuffle: most keys have one row.
    return F.size(F.collect_set(F.coalesce(F.col(scope).cast("string"), F.lit(""))))


def _summed(table: Table, name: str, broken: Column) -> Column:
    key = F.concat_ws(", ", *(F.concat(F.lit(f"{column}="), shown(F.col(column))) for column in table.key))
    return F.struct(
        F.lit(table.name).alias("table"),
        F.lit(name).alias("check_name"),
        F.coalesce(F.sum("_rows"), F.lit(0)).alias("rows"),
        F.coalesce(F.sum(broken), F.lit(0)).alias("broken"),
        F.min(F.when(broken > 0, key)).alias("example"),
    )
