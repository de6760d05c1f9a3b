"""Events as API Gateway hands them to a Lambda function, in both payload formats."""

import base64
import gzip
import json
from typing import Any

AT_MS = 1_764_000_000_123


def post(
    body: str | bytes,
    path: str = "/events",
    method: str = "POST",
    version: str = "2.0",
    request_id: str = "r1",
    **headers: str,
) -> dict[str, Any]:
    """A request; a body of bytes goes as base64. Names of headers are given with underscores."""
    packed = isinstance(body, bytes)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    event: dict[str, Any] = {
        "version": version,
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": packed,
    }
    if version == "2.0":
        http = {"method": method, "path": path}
        context = {"requestId": request_id, "timeEpoch": AT_MS, "http": http}
        return event | {"rawPath": path, "headers": named, "requestContext": context}
    context = {"requestId": request_id, "requestTimeEpoch": AT_MS}
    titled = {name.title(): value for name, value in named.items()}
    return event | {"path": path, "httpMethod": method, "headers": titled, "requestContext": context}


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode())


def said(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])
