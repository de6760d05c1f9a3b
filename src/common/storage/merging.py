"""Rows with an `operation` (upsert, delete, insert), applied to the tables that they are for by the tables' keys."""

from collections.abc import Mapping
from uuid import uuid4

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.table import Table
from common.storage.conflicts import retried
from common.storage.lineage import note
from common.storage.stacked import stacked
from common.storage.staging import staged
from common.storage.tables import Tables

_TABLE, _SCOPE = "_table", "_scope"


def apply_changes(lake: Tables, changes: Mapping[Table, DataFrame]) -> None:
    """Applies changes to tables; all are computed by one query, and equal rows are left alone.

    A table without changes is not written and keeps its version. An insert is of a key that the table doesn't hold:
    where all rows are inserts, the table isn't rewritten.
    """
    tables = list(changes)
    rows = stacked(_labelled(changes[table], table) for table in tables)
    name = f"{tables[0].name}.changes"
    with staged(lake.settings, rows, name, _measures(tables)) as (kept, found):
        for number, table in enumerate(tables):
            if count := found[f"rows_{number}"]:
                theirs = kept.where(F.col(_TABLE) == table.name) if len(tables) > 1 else kept
                scope = _scoped(table, found[f"first_{number}"], found[f"last_{number}"])
                only_inserts = found[f"inserts_{number}"] == count
                note(lake.settings, "write", table.name)
                _merge(lake, theirs, table, scope, count if only_inserts else None)


def _labelled(rows: DataFrame, table: Table) -> DataFrame:
    scope = F.lit(None) if table.key_scope is None else F.col(table.key_scope)
    labels = {_TABLE: F.lit(table.name), _SCOPE: scope.cast("string")}
    return rows.select(*table.column_names, "operation").withColumns(labels)


def _measures(tables: list[Table]) -> dict[str, Column]:
    measures: dict[str, Column] = {}
    for number, table in enumerate(tables):
        is_theirs = F.col(_TABLE) == table.name
        measures |= {
            f"rows_{number}": F.count_if(is_theirs),
            f"inserts_{number}": F.count_if(is_theirs & (F.col("operation") == "insert")),
            f"first_{number}": F.min(F.when(is_theirs, F.col(_SCOPE))),
            f"last_{number}": F.max(F.when(is_theirs, F.col(_SCOPE))),
        }
    return measures


def _merge(lake: Tables, rows: DataFrame, table: Table, scope: list[str], inserts: int | None) -> None:
    same = (f"t.{column} <=> s.{column}" for column in table.lookup_key)
    condition = " AND ".join([*same, *scope])
    others = [column for column in table.column_names if column not in table.lookup_key]
    differs = " OR ".join(f"NOT (t.{column} <=> s.{column})" for column in others)
    view = f"merge_source_{uuid4().hex}"
    rows.createOrReplaceTempView(view)
    matched = (
        "WHEN MATCHED AND s.operation = 'delete' THEN DELETE "
        f"WHEN MATCHED AND ({differs}) THEN UPDATE SET {', '.join(f't.{c} = s.{c}' for c in others)} "
    )
    into = f"MERGE INTO {lake.full_name(table)} AS t USING {view} AS s ON {condition} "
    not_matched = (
        f"WHEN NOT MATCHED AND s.operation <> 'delete' THEN INSERT ({', '.join(table.column_names)}) "
        f"VALUES ({', '.join(f's.{c}' for c in table.column_names)})"
    )
    try:
        if inserts is not None:
            done = retried(lambda: rows.sparkSession.sql(into + not_matched)).first()
            if done is not None and done["num_inserted_rows"] == inserts:
                return
            # Another writer has added some of the keys meanwhile: those rows are updated, as all others are.
        retried(lambda: rows.sparkSession.sql(into + matched + not_matched))
    finally:
        rows.sparkSession.catalog.dropTempView(view)


def _scoped(table: Table, first: str | None, last: str | None) -> list[str]:
    """A condition on the target alone, by which MERGE skips the files outside of the rows' part of the key scope."""
    if table.key_scope is None or first is None:
        return []
    type_ = table.column(table.key_scope).type
    return [f"t.{table.key_scope} BETWEEN CAST('{first}' AS {type_}) AND CAST('{last}' AS {type_})"]
