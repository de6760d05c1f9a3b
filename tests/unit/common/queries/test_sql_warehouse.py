"""A SQL warehouse, for which a server speaks the Statement Execution API: the real SDK asks it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest

from common.errors import QueryError
from common.queries import rows as module
from common.queries import warehouse
from common.queries.rows import rows
from common.queries.statements import NotRead


class Server(ThreadingHTTPServer):
    """Answers of a warehouse: those to come, and what it was asked."""

    answers: list[dict[str, Any]]
    asked: list[tuple[str, Any]]
    chunks: list[pa.Table]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.loads(body or b"{}"))

    def do_GET(self) -> None:
        if self.path.startswith("/chunk/"):
            assert "Authorization" not in self.headers, "the link has its own right, and no token leaves for it"
            table = self.server.chunks[int(self.path.removeprefix("/chunk/"))]
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            self._send(sink.getvalue().to_pybytes())
        else:
            self._answer(None)

    def _answer(self, asked: Any) -> None:
        if not self.path.startswith("/api/2.0/sql/statements") or not self.server.answers:
            self.send_error(404)
            return
        self.server.asked.append((self.path, asked))
        self._send(json.dumps(self.server.answers.pop(0)).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A warehouse, and an environment that names it and who asks."""
    made = Server(("127.0.0.1", 0), Handler)
    made.answers, made.asked, made.chunks = [], [], []
    thread = Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    for name, value in {
        "DATABRICKS_HOST": address(made),
        "DATABRICKS_TOKEN": "a-token",
        "DATABRICKS_WAREHOUSE_ID": "w1",
        "LAKEHOUSE_CATALOG": "main",
        "LAKEHOUSE_SCHEMA_PREFIX": "dev_me_",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(warehouse, "_PAUSE_SECONDS", 0.0)
    module._engine.cache_clear()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()
    module._engine.cache_clear()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def succeeded(server: Server, *parts: int, columns: tuple[str, ...] = ("n",)) -> dict[str, Any]:
    """An answer whose rows are at these links."""
    links = [{"external_link": f"{address(server)}/chunk/{part}", "chunk_index": part} for part in parts[:1]]
    if len(parts) > 1:
        links[0]["next_chunk_index"] = parts[1]
    return {
        "statement_id": "s1",
        "status": {"state": "SUCCEEDED"},
        "manifest": {"schema": {"columns": [{"name": name} for name in columns]}},
        "result": {"external_links": links} if links else {},
    }


def test_rows_come_in_chunks_once_the_warehouse_has_started(server: Server) -> None:
    server.chunks = [pa.table({"n": [1, 2]}), pa.table({"n": [3]})]
    waiting = {"statement_id": "s1", "status": {"state": "PENDING"}}
    second = {"external_links": [{"external_link": f"{address(server)}/chunk/1", "chunk_index": 1}]}
    server.answers = [waiting, waiting, succeeded(server, 0, 1), second]

    assert rows("SELECT n FROM gold.transaction_scores").to_pydict() == {"n": [1, 2, 3]}

    (_, asked), *others = server.asked
    assert asked["warehouse_id"] == "w1"
    assert "FROM main.dev_me_gold.transaction_scores" in asked["statement"]
    assert [path.rsplit("/statements/")[1] for path, _ in others] == ["s1", "s1", "s1/result/chunks/1"]


def test_no_rows_have_their_columns(server: Server) -> None:
    server.answers = [succeeded(server, columns=("a", "b"))]
    table = rows("SELECT a, b FROM gold.transaction_scores")
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


def test_what_the_warehouse_refuses_is_said(server: Server) -> None:
    failed = {"state": "FAILED", "error": {"message": "[TABLE_OR_VIEW_NOT_FOUND] gold.x"}}
    server.answers = [{"statement_id": "s1", "status": failed}]
    with pytest.raises(QueryError, match=r"refuses the query: \[TABLE_OR_VIEW_NOT_FOUND\] gold.x"):
        rows("SELECT * FROM gold.x")


def test_what_takes_too_long_is_cancelled(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "_LONGEST_SECONDS", -1)
    server.answers = [{"statement_id": "s1", "status": {"state": "RUNNING"}}, {}]
    with pytest.raises(QueryError, match="has not answered"):
        rows("SELECT 1")
    assert server.asked[-1][0].endswith("/statements/s1/cancel")


def test_only_queries_are_sent(server: Server) -> None:
    with pytest.raises(NotRead):
        rows("DROP TABLE gold.transaction_scores")
    assert server.asked == []
