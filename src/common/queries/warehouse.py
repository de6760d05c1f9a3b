"""A SQL warehouse of Databricks, asked by the Statement Execution API."""

import time
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from common.contracts.registry import LAYERS
from common.errors import QueryError, first_line
from common.queries.statements import DIALECT, named_tables, parsed
from common.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

WAREHOUSE = "DATABRICKS_WAREHOUSE_ID"
"""The environment variable with the warehouse's id."""

_LONGEST_SECONDS = 300
_PAUSE_SECONDS = 1.0
_DOWNLOAD_SECONDS = 60


class Warehouse:
    """A SQL warehouse, as whom the environment says is logged in."""

    def __init__(self, settings: Settings, warehouse: str) -> None:
        from databricks.sdk import WorkspaceClient

        try:
            self._api = WorkspaceClient(product="fraud-lakehouse").statement_execution
        except ValueError as error:
            raise QueryError(f"can't log in to Databricks: {error}") from error
        self._settings = settings
        self._warehouse = warehouse

    def answer(self, statement: str) -> "pa.Table":
        """The rows of a query.

        Raises:
            QueryError: it is no query, the warehouse refuses it, or it doesn't end within five minutes.

        """
        from databricks.sdk.core import DatabricksError
        from databricks.sdk.service.sql import Disposition, Format

        try:
            answer: Any = self._api.execute_statement(
                statement=self._qualified(statement),
                warehouse_id=self._warehouse,
                wait_timeout="30s",
                format=Format.ARROW_STREAM,
                disposition=Disposition.EXTERNAL_LINKS,
            )
            answer = self._ended(answer)
            return self._rows(answer)
        except (DatabricksError, OSError) as error:
            raise QueryError(f"the SQL warehouse {self._warehouse} gives no answer: {first_line(error)}") from error

    def _qualified(self, statement: str) -> str:
        """The query with the tables' full names, in the deployment's catalog and schemas."""
        query = parsed(statement)
        for table in named_tables(query):
            if table.db.lower() in LAYERS and not table.catalog:
                table.set("db", self._settings.schema(table.db.lower()))
                table.set("catalog", self._settings.catalog)
        return query.sql(dialect=DIALECT)

    def _ended(self, answer: Any) -> Any:
        """The answer to a statement that has ended: the warehouse may have to start before."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while (state := answer.status.state.value) in ("PENDING", "RUNNING"):
            if time.monotonic() > deadline:
                self._api.cancel_execution(answer.statement_id)
                raise QueryError(f"the SQL warehouse {self._warehouse} has not answered in {_LONGEST_SECONDS} seconds")
            time.sleep(_PAUSE_SECONDS)
            answer = self._api.get_statement(answer.statement_id)
        if state != "SUCCEEDED":
            reason = answer.status.error.message if answer.status.error else state.lower()
            raise QueryError(f"the SQL warehouse refuses the query: {reason}")
        return answer

    def _rows(self, answer: Any) -> "pa.Table":
        """All chunks of the result, each behind a link of its own that needs no login."""
        import pyarrow as pa

        tables = []
        chunk = answer.result
        while chunk is not None and chunk.external_links:
            link = chunk.external_links[0]
            with urlopen(link.external_link, timeout=_DOWNLOAD_SECONDS) as body:
                tables.append(pa.ipc.open_stream(body.read()).read_all())
            following = link.next_chunk_index
            chunk = (
                None if following is None else self._api.get_statement_result_chunk_n(answer.statement_id, following)
            )
        if tables:
            return pa.concat_tables(tables)
        columns = answer.manifest.schema.columns or []
        return pa.table({column.name: pa.array([], pa.string()) for column in columns})
