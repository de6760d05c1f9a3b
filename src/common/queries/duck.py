"""DuckDB on the workspace's Delta tables: one process, no server, nothing fetched, nothing written."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        """The rows of a query in Spark's SQL, times in UTC: those that Spark would give.

        Raises:
            QueryError: it is no query, names what isn't there, or can't be answered; NotAnswered where DuckDB may
                answer it otherwise than Spark.

        """
        question = self.question(statement)
        if question.doubts:
            raise NotAnswered(f"DuckDB may answer this otherwise than Spark: {'; '.join(question.doubts)}")
        return self.rows(question)

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

    def rows(self, question: Question) -> "pa.Table":
        """The rows that answer a question; sums of whole numbers, of 128 bits in DuckDB, have 64, as Spark's.

        Raises:
            QueryError: what it asks for can't be computed; NotAnswered where Spark may answer it.

        """
        import pyarrow as pa

        with self._answered(question) as (answer, names):
            table = answer.to_arrow_table()
            for index, column in enumerate(answer.description):
                if str(column[1]) == "HUGEINT":
                    table = table.set_column(index, column[0], table.column(index).cast(pa.int64()))
            return table.rename_columns(names)

    def values(self, question: Question, limit: int = 0) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names and rows that answer a question, at most so many (0: all), as values of Python.

        Raises:
            KeyboardInterrupt: somebody pressed Ctrl-C; the next question is answered.
            QueryError: what it asks for can't be computed; NotAnswered where Spark may answer it.

        """
        with self._answered(question) as (answer, names):
            return names, answer.fetchmany(limit) if limit else answer.fetchall()

    @contextmanager
    def _answered(self, question: Question) -> Iterator[tuple[Any, list[str]]]:
        """What DuckDB answers, and the names that its columns have in Spark."""
        with self._connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            try:
                answer = cursor.execute(question.sql)
                for _, type_, *_ in answer.description:
                    if _OTHERS.search(re.sub(r'"[^"]*"', "", str(type_))):
                        raise NotAnswered(f"values of DuckDB's type {str(type_).lower()} print otherwise")
                yield answer, _spread(question.names, [column[0] for column in answer.description])
            except self._duckdb.InterruptException as error:
                raise KeyboardInterrupt from error
            except self._duckdb.Error as error:
                raise self._explained(error) from error
            except RuntimeError as error:
                # So it says that somebody pressed Ctrl-C while it computed.
                if "interrupted" not in str(error).lower():
                    raise
                # Its threads go on until they are told, and closing would wait for them.
                cursor.interrupt()
                raise KeyboardInterrupt from error

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
