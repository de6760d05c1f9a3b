"""A request as API Gateway hands it over, in either of its payload formats."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """The request breaks a rule. `status` is the answer's; `event` is the number of the event, from 1, if it is one."""

    def __init__(self, status: int, reason: str, event: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.event = status, reason, event


@dataclass(frozen=True)
class Request:
    """What the API needs of a request. Names of `headers` are in lower case; `received_at` is the gateway's, UTC."""

    method: str
    path: str
    body: bytes
    request_id: str
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(event: Mapping[str, Any]) -> Request:
    """The request of an event of API Gateway, payload format 2.0 or 1.0.

    Raises:
        Refused: 400, the body is declared as base64 and is not.
    """
    context = event["requestContext"]
    http = context.get("http")
    return Request(
        method=http["method"] if http else event["httpMethod"],
        path=event["rawPath"] if http else event["path"],
        body=_body(event),
        request_id=context["requestId"],
        received_at=datetime.fromtimestamp(context["timeEpoch" if http else "requestTimeEpoch"] / 1000, UTC),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
    )


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, f"the body is not base64, as the gateway says it is: {error}") from None
