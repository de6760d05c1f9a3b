"""The API behind a small HTTP server of this machine: for trials and tests, not for the internet."""

import base64
import json
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from apps.events_api.api import Api

_PATIENCE_SECONDS = 30.0


class EventsServer(ThreadingHTTPServer):
    """Serves an API: one thread a connection. Port 0 takes a free one; `url` says which."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, api: Api, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.api = api

    @property
    def url(self) -> str:
        """Where events are sent to."""
        return f"http://{self.server_address[0]!s}:{self.server_port}/events"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_SECONDS
    disable_nagle_algorithm = True  # an answer is two writes, and the second would wait for the sender to confirm
    server: EventsServer

    def handle_method(self) -> None:
        """Hands a request to the API as API Gateway would, and sends its answer."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self._send(411, {"content-type": "application/json"}, json.dumps({"error": "send a Content-Length"}))
            return
        if int(length) > 2 * self.server.api.max_bytes:  # not even read
            words = f"the body has {int(length):,} bytes, and at most {self.server.api.max_bytes:,} are taken"
            self._send(413, {"content-type": "application/json"}, json.dumps({"error": words}))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # the sender is gone
            self.close_connection = True
            return
        answer = self.server.api.answer(self._event(body))
        self._send(answer["statusCode"], answer["headers"], answer["body"], is_read=True)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_method  # noqa: N815

    def _event(self, body: bytes) -> dict[str, Any]:
        """The request in API Gateway's payload format 2.0."""
        return {
            "version": "2.0",
            "rawPath": self.path.partition("?")[0],
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "timeEpoch": int(time.time() * 1000),
                "http": {"method": self.command, "path": self.path},
            },
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }

    def _send(self, status: int, headers: dict[str, str], text: str, *, is_read: bool = False) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if not is_read:  # what is left of the body would be taken for the next request
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a line a request would be most of what the server does."""
