"""A schema registry on this machine: the part of Confluent's API that is asked, over real HTTP.

No registry can be installed beside the tests: this one keeps schemas by id, and answers with the status codes, bodies
and error codes of Confluent's.
"""

import base64
import io
import json
import ssl
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import fastavro

from servers.certificates import self_signed

Schema = Any


class SchemaRegistry:
    """A registry that begins with ids at 1. With a login it asks for one; with `tls` it has a certificate, `ca`."""

    def __init__(self, login: tuple[str, str] | None = None, *, tls: bool = False) -> None:
        self.ca, keystore = self_signed() if tls else ("", "")
        self._login = login and base64.b64encode(":".join(login).encode()).decode()
        self._schemas: list[dict[str, Any]] = []
        self._subjects: dict[str, list[int]] = {}
        self.asked: list[str] = []
        """The paths of all requests."""
        self.fails_with: int | None = None
        """A status that it answers everything with."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls:
            with tempfile.TemporaryDirectory() as folder:
                (file := Path(folder, "keystore.pem")).write_text(keystore)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(file)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{'https' if self.ca else 'http'}://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def register(self, schema: Schema, subject: str = "any", references: list[str] | None = None, **more: str) -> int:
        """Keeps a schema, whose references are the newest versions of other subjects; its id."""
        named = [{"name": name, "subject": name, "version": len(self._subjects[name])} for name in references or []]
        found = {"schema": json.dumps(schema), **({"references": named} if named else {}), **more}
        self._schemas.append(found)
        self._subjects.setdefault(subject, []).append(len(self._schemas))
        return len(self._schemas)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                status, content = registry._answer(self.path, self.headers.get("Authorization"))
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _answer(self, path: str, login: str | None) -> tuple[int, Any]:
        if self.fails_with is not None:
            return self.fails_with, {"error_code": self.fails_with * 100 + 1, "message": "Error"}
        if self._login and login != f"Basic {self._login}":
            return 401, {"error_code": 401, "message": "Unauthorized"}
        found = self._found(*(unquote(part) for part in path.strip("/").split("/")))
        return (200, found) if found is not None else (404, {"error_code": _code(path), "message": "Not found"})

    def _found(self, *path: str) -> Any:
        match path:
            case ("schemas", "types"):
                return ["AVRO", "JSON", "PROTOBUF"]
            case ("schemas", "ids", number) if 0 < int(number) <= len(self._schemas):
                return self._schemas[int(number) - 1]
            case ("subjects", subject, "versions", version):
                numbers = self._subjects.get(subject, [])
                if 0 < int(version) <= len(numbers):
                    number = numbers[int(version) - 1]
                    return {"subject": subject, "version": int(version), "id": number, **self._schemas[number - 1]}
        return None


def _code(path: str) -> int:
    """Confluent's code for what is not there."""
    return 40403 if path.startswith("/schemas/ids/") else 40402 if path.startswith("/subjects/") else 404


def written(number: int, schema: Schema, value: Any) -> bytes:
    """A value in the wire format, by the schema of that id."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), value)
    return b"\0" + number.to_bytes(4, "big") + body.getvalue()
