"""A Databricks workspace in this process, as far as a bundle's deployment and its jobs need one.

It speaks HTTP as the public REST API documents it (docs.databricks.com/api), keeps what it is given, and answers with
that. What it does not know it refuses with 501 and remembers in `unknown`, so that no call passes unseen.
"""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Json = dict[str, Any]


class ApiError(Exception):
    """An answer other than 200, in the API's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def not_found(what: str) -> ApiError:
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist")


def exists_already(what: str) -> ApiError:
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"{what} already exists")


@dataclass(frozen=True)
class Call:
    """One request that came: what was asked, and what was answered."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int

    @property
    def writes(self) -> bool:
        """Whether it could change something that lasts."""
        return self.method != "GET"


@dataclass
class Request:
    """What a handler sees of a call."""

    query: Mapping[str, str]
    raw: bytes
    host: str = ""

    @property
    def body(self) -> Json:
        """The JSON body; empty where there is none."""
        content: Json = json.loads(self.raw) if self.raw.strip() else {}
        return content


Handler = Callable[..., Any]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Registers a handler for a path in which `{name}` stands for a part."""
    regex = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern).replace("<rest>[^/]+", "<rest>.+") + "$")

    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, regex, handler))
        return handler

    return register


DROPPED = 0
"""In place of a status: the connection ends without an answer."""


@dataclass
class Trouble:
    """Calls that go wrong: the next `times` whose path contains `path` are answered with `status`, or not at all.

    With `is_done`, what was asked is done all the same, and only the answer is lost.
    """

    times: int
    status: int = DROPPED
    path: str = "/api/"
    is_done: bool = False

    def meets(self, path: str) -> bool:
        """Whether it happens to this call; counts it."""
        if self.times <= 0 or self.path not in path:
            return False
        self.times -= 1
        return True


@dataclass
class Workspace:
    """The state of the workspace."""

    user: str = "alice@example.com"
    folders: set[str] = field(default_factory=lambda: {"/", "/Workspace", "/Users", "/Shared"})
    files: dict[str, bytes] = field(default_factory=dict)
    notebooks: set[str] = field(default_factory=set)
    jobs: dict[int, Json] = field(default_factory=dict)
    runs: dict[int, Any] = field(default_factory=dict)
    catalogs: dict[str, str] = field(default_factory=lambda: {"workspace": "admin@example.com"})
    """Owners by name."""
    schemas: dict[str, Json] = field(default_factory=dict)
    volumes: dict[str, Json] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    grants: dict[tuple[str, str], dict[str, set[str]]] = field(default_factory=dict)
    experiments: dict[str, Json] = field(default_factory=dict)
    permissions: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    apps: dict[str, Json] = field(default_factory=dict)
    warehouses: dict[str, str] = field(default_factory=lambda: {"Serverless Starter Warehouse": "0123456789abcdef"})
    """Ids by name."""
    scripts: dict[str, Any] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: iter(range(1000, 10**9)))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, method: str, target: str, raw: bytes, host: str = "") -> tuple[int, bytes]:
        """The status and content with which a request is answered."""
        parts = urlsplit(target)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        with self.lock:
            trouble = next((trouble for trouble in self.troubles if trouble.meets(path)), None)
            status, content = 200, {}
            if trouble is None or trouble.is_done:
                status, content = self._routed(method, path, Request(query, raw, host))
            if trouble is not None:
                status, content = trouble.status, {"error_code": "", "message": "trouble"}
            self.calls.append(Call(method, path, query, raw, status))
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()

    def _routed(self, method: str, path: str, request: Request) -> tuple[int, Any]:
        for verb, pattern, handler in _ROUTES:
            found = pattern.match(path) if verb == method else None
            if found:
                try:
                    answered = handler(self, request, **found.groupdict())
                except ApiError as error:
                    return error.status, {"error_code": error.code, "message": str(error)}
                return 200, {} if answered is None else answered
        self.unknown.append(f"{method} {path}")
        return 501, {"error_code": "NOT_IMPLEMENTED", "message": f"the stub knows no {method} {path}"}

    def new_id(self) -> int:
        """An id that nothing else has."""
        return next(self.ids)


@contextmanager
def served(workspace: Workspace) -> Iterator[str]:
    """Serves the workspace on a free port of this machine; its address."""

    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer, being two packets, takes 40 ms

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = workspace.answer(self.command, self.path, raw, self.headers.get("Host", ""))
            if status == DROPPED:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silent: `calls` tells more."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def now_millis() -> int:
    """The time as the API gives it."""
    return int(time.time() * 1000)


def decoded(text: str) -> bytes:
    """Content that came as base64."""
    return base64.b64decode(text)
