"""DuckDB on the workspace's Delta tables: one process, no server, nothing fetched, nothing written."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.contracts.registry import LAYERS
from common.queries.tables import Stored, stored
from common.queries.translation import translated
from common.settings import Settings
from common.sources.clients import client

if TYPE_CHECKING:
    import pyarrow as pa


class Duck:
    """An open DuckDB, in memory, with a view for each table and view that it was asked about.

    A view is made again once its table has a newer version: DuckDB refuses one whose table has gained a column.
    It can be used by several threads at once.
    """

    def __init__(self, settings: Settings) -> None:
        """Opens DuckDB.

        Raises:
            FeedError: DuckDB isn't in this environment, and can't be fetched.

        """
        duckdb = client("duckdb", "duckdb")
        self.settings = settings
        self._versions: dict[str, int] = {}
        self._lock = threading.Lock()
        # Nothing is looked for on the network, nor among Python's variables.
        self._connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            }
        )
        self._connection.execute(f"LOAD '{_extension()}'")
        for layer in LAYERS:
            self._connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')

    def answer(self, statement: str) -> "pa.Table":
        """The rows of a query in Spark's SQL, times in UTC.

        Raises:
            QueryError: it is no query, or names what isn't there.

        """
        known = stored(self.settings)
        question = translated(statement, known, self.settings.schema_prefix)
        with self._lock:
            for name in question.tables:
                self._view(known[name])
            cursor = self._connection.cursor()
        with cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            return as_spark_has_them(cursor.execute(question.sql))

    def close(self) -> None:
        """Closes DuckDB."""
        self._connection.close()

    def _view(self, table: Stored) -> None:
        version = (table.folder / "_delta_log").stat().st_mtime_ns
        if self._versions.get(table.name) != version:
            layer, name = table.name.split(".", maxsplit=1)
            where = f" WHERE {table.condition}" if table.condition else ""
            folder = str(table.folder).replace("'", "''")
            self._connection.execute(
                f'CREATE OR REPLACE VIEW "{layer}"."{name}" AS SELECT * FROM delta_scan(\'{folder}\'){where}'
            )
            self._versions[table.name] = version


def as_spark_has_them(answer: Any) -> "pa.Table":
    """The rows of an answer of DuckDB's; sums of whole numbers, which have 128 bits in DuckDB, as Spark's have 64."""
    import pyarrow as pa

    table = answer.to_arrow_table()
    for index, (name, kind, *_) in enumerate(answer.description):
        if str(kind) == "HUGEINT":
            table = table.set_column(index, name, table.column(index).cast(pa.int64()))
    return table


def _extension() -> Path:
    """The file of the extension that reads Delta, as its package brings it."""
    package = Path(client("duckdb_extension_delta", "duckdb").__file__).parent
    return next(package.rglob("*.duckdb_extension"))
