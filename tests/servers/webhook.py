"""A webhook on this machine: keeps what is posted to it, and answers as it is told."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """A message as it came."""

    path: str
    headers: dict[str, str]
    body: Any

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


@dataclass(frozen=True)
class Answer:
    """What is answered; `None` as status: the connection is cut without a word."""

    status: int | None = 200
    body: str = "ok"
    headers: tuple[tuple[str, str], ...] = ()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


class WebhookServer:
    """Answers each message by the next of `answers`, or 200 where there is none."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answers: list[Answer] = []
        self.before_answer: Callable[[], object] = lambda: None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                server.posted.append(Posted(self.path, dict(self.headers), json.loads(content)))
                server.before_answer()
                answer = server.answers.pop(0) if server.answers else Answer()
                if answer.status is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook/s3cret"

    @property
    def effects(self) -> dict[str, Posted]:
        """The messages that a receiver has that drops what comes again by its key."""
        return {posted.key: posted for posted in reversed(self.posted)}

    def __enter__(self) -> "WebhookServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
