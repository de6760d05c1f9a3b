"""Tables made as their contracts declare them, and brought up to what a contract has gained."""

import shutil
import time

from pyspark.errors import AnalysisException

from common.contracts.ddl import CHANGE_FEED, alter_view, create_table, create_view, keys, quoted, tags
from common.contracts.drift import Drift, ExistingColumn, drift
from common.contracts.table import Table, View
from common.errors import SchemaError
from common.storage.conflicts import retried
from common.storage.tables import Tables

MAKING_SECONDS = 5
"""How long a table that another process makes may lie on disk before the catalog knows of it."""


def ensure(lake: Tables, *tables: Table) -> None:
    """Creates the tables, and their schemas, that are not there yet, and adds what their contracts have gained.

    Raises:
        SchemaError: a table's column has another type than its contract says; nothing was changed.
    """
    there = {table.name: columns for table in tables if (columns := _columns(lake, table)) is not None}
    # All are checked before the first is changed.
    found = {table.name: _drift(lake, table, there[table.name]) for table in tables if table.name in there}
    for table in tables:
        if table.name in found:
            for clause in found[table.name].clauses:
                _alter(lake, table, clause)
            continue
        schema = lake.settings.table(table.schema)
        # Asked first: on Databricks the bundle made it, and the jobs may not create any.
        if not lake.spark.catalog.databaseExists(schema):
            lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        retried(lambda table=table: _create(lake, table))  # type: ignore[misc]
        if lake.settings.platform.has_unity_catalog:
            for statement in tags(table, lake.full_name(table)):
                lake.spark.sql(statement)


def ensure_change_feed(lake: Tables, table: Table) -> None:
    """Switches the change feed on where the contract has one and the table, which is older, has none yet."""
    name = lake.full_name(table)
    if not table.change_feed:
        return
    properties = lake.spark.sql(f"SHOW TBLPROPERTIES {name}").collect()
    if {row["key"]: row["value"] for row in properties}.get(CHANGE_FEED) != "true":
        retried(lambda: lake.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({quoted(CHANGE_FEED)} = 'true')"))


def ensure_views(lake: Tables, *views: View) -> None:
    """Creates the views that are not there yet, and gives others what their tables have gained; those must be."""
    for view in views:
        names = lake.full_name(view.name), lake.full_name(view.of)
        if not lake.exists(view.name):
            lake.spark.sql(create_view(view, *names))
        elif not _is_whole(lake, view):
            lake.spark.sql(alter_view(view, *names))


def _is_whole(lake: Tables, view: View) -> bool:
    """Whether a view has its table's columns: it keeps those of its making, and fails where a struct has grown."""
    wanted = lake.spark.read.table(lake.full_name(view.of)).schema
    try:
        found = lake.spark.read.table(lake.full_name(view.name)).schema
    except AnalysisException:
        return False
    return found.simpleString() == wanted.simpleString()


def _columns(lake: Tables, table: Table) -> dict[str, ExistingColumn] | None:
    # Asked first: the server keeps a session's last plans by their numbers. A name that it could not resolve stays
    # so for a stream's worker that happens to give its plan the same number.
    if not lake.exists(table):
        return None
    fields = lake.spark.read.table(lake.full_name(table)).schema.fields
    return {f.name: ExistingColumn(f.dataType.simpleString(), f.metadata.get("comment", "")) for f in fields}


def _drift(lake: Tables, table: Table, existing: dict[str, ExistingColumn]) -> Drift:
    found = drift(table, existing)
    if found.misfits:
        raise SchemaError(
            f"{table.name} doesn't fit its contract: {'; '.join(found.misfits)}. Nothing was written. Give the "
            f"column another name in the contract, or make the table again: DROP TABLE {table.name}, reset the "
            f"streams that write it ({lake.settings.platform.list_streams}), and run the job"
        )
    return found


def _alter(lake: Tables, table: Table, clause: str) -> None:
    retried(lambda: lake.spark.sql(f"ALTER TABLE {lake.full_name(table)} {clause}"))


def _keys(lake: Tables, table: Table) -> tuple[str, ...]:
    if not lake.settings.platform.has_unity_catalog:
        return ()
    return keys(table, lake.full_name, lake.exists)


def _create(lake: Tables, table: Table) -> None:
    statement = create_table(table, lake.full_name(table), _keys(lake, table))
    try:
        lake.spark.sql(statement)
    except AnalysisException as error:
        if error.getCondition() != "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION":
            raise
        # Another process may be making it at this moment; its table is in the catalog soon.
        deadline = time.monotonic() + MAKING_SECONDS
        while not lake.exists(table) and time.monotonic() < deadline:
            time.sleep(0.2)
        _clear_half_made(lake, table)
        lake.spark.sql(statement)


def _clear_half_made(lake: Tables, table: Table) -> None:
    """Removes the folder that a server killed in the middle of CREATE TABLE leaves: one without any row.

    It has no commit, or the first one alone, which the catalog doesn't know of.
    """
    warehouse = lake.settings.warehouse or lake.settings.home
    folder = warehouse / f"{lake.settings.schema(table.schema)}.db" / table.short_name
    commits = len(list((folder / "_delta_log").glob("*.json")))
    if not lake.exists(table) and folder.is_dir() and commits <= 1 and not any(folder.rglob("*.parquet")):
        shutil.rmtree(folder)
