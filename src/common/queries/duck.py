"""DuckDB on the workspace's Delta tables: one process, no server, nothing fetched, nothing written."""

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.contracts.registry import LAYERS
from common.errors import QueryError
from common.queries.macros import MACROS
from common.queries.statements import NotAnswered, parsed
from common.queries.tables import Stored, stored
from common.queries.translation import Question, stored_tables, translated
from common.settings import Settings
from common.sources.clients import client

if TYPE_CHECKING:
    import pyarrow as pa


_OTHERS = re.compile(r"INTERVAL|MAP|UNION|ENUM|UUID|UINTEGER|UBIGINT|JSON|BIT|\bTIME\b(?! ZONE)")
"""Types of DuckDB that print otherwise than Spark's for the same."""


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
        self.settings = settings
        self._duckdb = client("duckdb", "duckdb")
        self._views: dict[str, tuple[int, dict[str, str]]] = {}
        self._lock = threading.Lock()
        # Nothing is looked for on the network, nor among Python's variables. The extension came with its package, whose
        # hash the installer compared: to have DuckDB sum up its 80 MB at each start would take half of the time.
        self._connection = self._duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "allow_unsigned_extensions": True,
            }
        )
        self._connection.execute(f"LOAD '{_extension()}'")
        for layer in LAYERS:
            self._connection.execute(f'CREATE SCHEMA "{layer}"')
        self._connection.execute(MACROS)

    def answer(self, statement: str) -> "pa.Table":
        """The rows of a query in Spark's SQL, times in UTC.

        Raises:
            QueryError: it is no query, names what isn't there, or can't be answered.

        """
        return self.rows(self.question(statement))

    def question(self, statement: str) -> Question:
        """What DuckDB has to be asked for a query in Spark's SQL.

        Raises:
            QueryError: it is no query, or names a table that isn't there; NotAnswered where Spark may answer it.

        """
        query = parsed(statement)
        known = stored(self.settings)
        tables = stored_tables(query, known, self.settings.schema_prefix)
        with self._lock:
            types = {name: self._types(known[name]) for name in tables}
        return translated(query, types)

    def rows(self, question: Question, limit: int = 0) -> "pa.Table":
        """The rows that answer a question, at most so many (0: all).

        Raises:
            QueryError: it names a column that isn't there; NotAnswered where Spark may answer it.

        """
        with self._connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            try:
                answer = cursor.execute(question.sql)
                types = [str(column[1]) for column in answer.description]
                return _as_spark(_first(answer, limit) if limit else answer.to_arrow_table(), types, question.names)
            except self._duckdb.Error as error:
                raise self._explained(error) from error

    def close(self) -> None:
        """Closes DuckDB."""
        self._connection.close()

    def _types(self, table: Stored) -> dict[str, str]:
        """The columns of a table and their types, as its view, which is made where it is needed, has them."""
        version = (table.folder / "_delta_log").stat().st_mtime_ns
        if (made := self._views.get(table.name)) and made[0] == version:
            return made[1]
        layer, name = table.name.split(".", maxsplit=1)
        where = f" WHERE {table.condition}" if table.condition else ""
        folder = str(table.folder).replace("'", "''")
        view = f'"{layer}"."{name}"'
        try:
            self._connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM delta_scan('{folder}'){where}")
            columns = {column: type_ for column, type_, *_ in self._connection.execute(f"DESCRIBE {view}").fetchall()}
        except self._duckdb.Error as error:
            raise NotAnswered(f"DuckDB can't read {table.name}: {_first_sentence(error)}") from error
        self._views[table.name] = version, columns
        return columns

    def _explained(self, error: Exception) -> QueryError:
        if "division by zero" in str(error):
            return QueryError("division by zero; try_divide gives null instead")
        return NotAnswered(f"DuckDB refuses it: {_first_sentence(error)}")


def _first(answer: Any, limit: int) -> "pa.Table":
    """So many rows, without reading the rest."""
    import pyarrow as pa

    with answer.to_arrow_reader(limit) as reader:
        batches, count = [], 0
        while count < limit and (batch := next(reader, None)) is not None:
            batches.append(batch)
            count += batch.num_rows
        return pa.Table.from_batches(batches, schema=reader.schema).slice(0, limit)


def _as_spark(table: "pa.Table", types: list[str], names: tuple[str | None, ...]) -> "pa.Table":
    """The rows with the names of Spark; sums of whole numbers, of 128 bits in DuckDB, have 64."""
    import pyarrow as pa

    for index, type_ in enumerate(types):
        if _OTHERS.search(re.sub(r'"[^"]*"', "", type_)):
            raise NotAnswered(f"values of DuckDB's type {type_.lower()} print otherwise")
        if type_ == "HUGEINT":
            table = table.set_column(index, table.column_names[index], table.column(index).cast(pa.int64()))
    return table.rename_columns(_spread(names, table.column_names))


def _spread(names: tuple[str | None, ...], found: list[str]) -> list[str]:
    """The names of all columns, where one star stands for those that are left."""
    if names.count(None) > 1:
        return found
    for index, name in enumerate(names):
        if name is None:
            after = len(names) - index - 1
            return [*map(str, names[:index]), *found[index : len(found) - after], *map(str, names[index + 1 :])]
    return list(map(str, names)) if len(names) == len(found) else found


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]


def _extension() -> Path:
    """The file of the extension that reads Delta, as its package brings it."""
    package = Path(client("duckdb_extension_delta", "duckdb").__file__).parent
    return next(package.rglob("*.duckdb_extension"))
