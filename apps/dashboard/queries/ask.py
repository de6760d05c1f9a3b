"""Questions to the lakehouse, and what to say where it has no answer yet."""

import os
from collections.abc import Callable, Collection

import pandas as pd
import pyarrow as pa

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.registry import LAYERS
from common.contracts.table import Table, View
from common.platform import DATABRICKS, LAPTOP, Platform
from common.queries.rows import rows, settings_asked
from common.queries.tables import stored
from common.queries.warehouse import WAREHOUSE

Ask = Callable[[str], pd.DataFrame]
"""Answers a query: `ask`, or something that remembers what it answered."""


def ask(statement: str) -> pd.DataFrame:
    """The rows of a query in Spark's SQL: times in UTC without a zone, decimals as numbers.

    Raises:
        QueryError: it can't be answered.

    """
    table = rows(statement)
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_decimal(field.type):
            # By its digits: the cast of a decimal itself is off by a bit.
            table = table.set_column(index, field.name, column.cast(pa.string()).cast(pa.float64()))
        elif pa.types.is_timestamp(field.type):
            # Text would be local time where a zone is left on it.
            table = table.set_column(index, field.name, column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")))
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def tables_there() -> frozenset[str]:
    """The tables and views that are there, by the names of their contracts.

    Raises:
        QueryError: the SQL warehouse doesn't answer.

    """
    settings = settings_asked()
    if not on_databricks():
        return frozenset(stored(settings))
    schemas = ", ".join(f"'{settings.schema(layer)}'" for layer in LAYERS)
    found = rows(
        f"SELECT concat(table_schema, '.', table_name) AS name FROM {settings.catalog}.information_schema.tables "
        f"WHERE table_schema IN ({schemas})"
    )
    return frozenset(name.removeprefix(settings.schema_prefix) for name in found.column("name").to_pylist())


def on_databricks() -> bool:
    """Whether a SQL warehouse answers, which the environment names."""
    return bool(os.environ.get(WAREHOUSE))


def platform() -> Platform:
    """Where the jobs run that a message tells to run."""
    return DATABRICKS if on_databricks() else LAPTOP


def lacking(there: Collection[str], *needed: Table | View) -> str:
    """What to do, in a sentence or two, where one of the tables is missing; empty where all are there."""
    absent = [table.name for table in needed if table.name not in there]
    if not absent:
        return ""
    run = platform().run_job.format(job="lakehouse")
    if not there:
        simulate = "" if on_databricks() else "`lakehouse simulate`, then "
        return f"This lakehouse is empty. To fill it: {simulate}{run}."
    if TRANSACTION_SCORES.name in absent:
        return f"Nothing has been scored yet, as there is no model. To train one and to score: {run}."
    return f"{absent[0]} isn't there yet. To make it: {run}."
