"""What the API does with a request, wherever it comes from and whatever keeps its events."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.events_api.answers import FEED, answered
from apps.events_api.body import events_of
from apps.events_api.objects import key_of, object_of, texts_of
from apps.events_api.request import Refused, Request, request_of
from apps.events_api.store import Store, StoreError

MAX_BYTES = 5_000_000
"""The largest body, unpacked. Lambda takes at most 6 MB, base64 included."""

_PATH = re.compile(r"/events(?:/(?P<feed>[a-z][a-z0-9_]{0,99}))?/?$")


@dataclass(frozen=True)
class Api:
    """The API: where it keeps events, below which prefix, and what it takes.

    `POST .../events/FEED` goes to PREFIX/FEED, `POST .../events` to PREFIX. `feeds` are those that there are; where
    none is named, any but that of customers' answers, which come by links alone.
    """

    store: Store
    prefix: str = "events"
    feeds: frozenset[str] = field(default_factory=frozenset)
    max_bytes: int = MAX_BYTES
    answers_key: str = ""
    """What the links are signed by at which customers answer to alerts: without one, nothing is at /answers."""

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an event of API Gateway.

        202: the events are kept. 200: they were before. 4xx: a rule is broken, nothing is kept, and repeating the
        request gives the same. 503: the store failed; the sender should repeat the request.
        """
        try:
            request = request_of(event)
            if self.answers_key and "/answers/" in request.path:
                return answered(request, self.answers_key, self.store, self.prefix)
            return self._kept(request)
        except Refused as refusal:
            number = {} if refusal.event is None else {"event": refusal.event}
            words = refusal.reason if refusal.event is None else f"event {refusal.event}: {refusal.reason}"
            return _answer(refusal.status, error=words, **number)
        except StoreError as error:
            # To the log, and not to the sender: the message names buckets and folders.
            print(json.dumps({"level": "ERROR", "message": str(error)}), flush=True)
            return _answer(503, error="the events can't be kept now: send the same request again")

    def _kept(self, request: Request) -> dict[str, Any]:
        folder = self._folder(request)
        if request.method != "POST":
            raise Refused(405, f"{request.method} is not known here: events are sent by POST")
        events = events_of(request, self.max_bytes)
        key = key_of(folder, events, request.headers.get("idempotency-key"))
        if self.store.put(key, object_of(events, request)):
            return _answer(202, accepted=len(events), object=key)
        if texts_of(self.store.get(key)) != [event.text for event in events]:
            raise Refused(422, "its Idempotency-Key was used for other events before: give each request its own")
        return _answer(200, accepted=0, repeated=len(events), object=key)

    def _folder(self, request: Request) -> str:
        match = _PATH.search(request.path)
        feed = match["feed"] if match else None
        is_known = match is not None and (not self.feeds or feed in self.feeds)
        if not is_known or feed == FEED:
            paths = ", ".join(f"/events/{name}" for name in sorted(self.feeds)) or "/events, /events/FEED"
            raise Refused(404, f"there is nothing at {request.path}; there is: {paths}")
        return "/".join(filter(None, [self.prefix.strip("/"), feed]))


def _answer(status: int, **body: Any) -> dict[str, Any]:
    headers = {"content-type": "application/json"} | ({"allow": "POST"} if status == 405 else {})
    return {"statusCode": status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
