"""The rows of a query: from DuckDB on a laptop, from a SQL warehouse on Databricks."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from common.queries.duck import Duck
from common.queries.warehouse import WAREHOUSE, Warehouse
from common.settings import Settings, settings_from

if TYPE_CHECKING:
    import pyarrow as pa

CATALOG = "LAKEHOUSE_CATALOG"
SCHEMA_PREFIX = "LAKEHOUSE_SCHEMA_PREFIX"


def rows(statement: str) -> "pa.Table":
    """The rows of a query in Spark's SQL, which names tables as contracts do: `gold.transaction_scores`.

    Where the environment variable DATABRICKS_WAREHOUSE_ID names a SQL warehouse, that one answers; then
    LAKEHOUSE_CATALOG and LAKEHOUSE_SCHEMA_PREFIX say where the tables are. Else DuckDB reads those of the workspace
    LAKEHOUSE_HOME. Both stay open. Threads may ask at once.

    Raises:
        QueryError: it is no query, names what isn't there, or can't be answered; the message says what to do.

    """
    asked = settings_asked()
    return _engine(asked.home, asked.catalog, asked.schema_prefix, os.environ.get(WAREHOUSE, "")).answer(statement)


def settings_asked() -> Settings:
    """Where the tables are that `rows` asks, as the environment says."""
    return Settings(
        home=settings_from().home,
        catalog=os.environ.get(CATALOG) or "spark_catalog",
        schema_prefix=os.environ.get(SCHEMA_PREFIX, ""),
    )


@cache
def _engine(home: Path, catalog: str, schema_prefix: str, warehouse: str) -> Duck | Warehouse:
    settings = Settings(home=home, catalog=catalog, schema_prefix=schema_prefix)
    return Warehouse(settings, warehouse) if warehouse else Duck(settings)
