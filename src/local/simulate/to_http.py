"""Sends a world's records to the events API, as its clients would.

The world's days are made as files in a folder of their own, an outbox. A file goes when all its records were answered,
so that a sending that was cut off goes on where it was. Requests are always cut the same way: one that is sent again is
the same request, which the API keeps once.
"""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import FeedError, ParameterError
from common.settings import repository
from common.sources.declaration import Source, load_source
from local.simulate.landing import SOURCE
from local.simulate.outbox import Pace, in_order, records_of

EVENTS_PER_REQUEST = 200
ATTEMPTS = 7
FIRST_PAUSE_SECONDS = 0.5
_TIMEOUT_SECONDS = 30.0


@dataclass
class Sent:
    """What the API answered: events that it kept now, that it had before, and reasons of those that it refused."""

    kept: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def send_outbox(
    outbox: Path,
    url: str,
    per_second: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> Sent:
    """Sends the records of all files in an outbox, day by day, and removes each file when it is sent.

    Args:
        outbox: The folder that a world's days were landed in.
        url: The API's address; a feed's records go to URL/FEED.
        per_second: At most so many events a second; None: as many as the API takes.
        tell: Is told when the API does not answer.
        first_pause_seconds: The pause after a first failure; each further one is twice as long.

    Raises:
        ParameterError: the URL is no address of HTTP.
        FeedError: the API can't be reached, or refuses what it should take; what was sent stays sent.
    """
    source = load_source(repository() / "sources", SOURCE)
    client = _Client(url, tell, first_pause_seconds)
    pace = Pace(per_second)
    sent = Sent()
    try:
        for path in in_order(outbox / SOURCE, source):
            for events in requests_of(path, source):
                pace.wait(len(events))
                _send(client, path.parent.name, events, sent)
            path.unlink()
    finally:
        client.close()
    return sent


def requests_of(path: Path, source: Source) -> Iterator[list[str]]:
    """The events of a file, request by request. What is no JSON object is a request of its own: it will be refused."""
    waiting: list[str] = []
    for ordinal, payload in records_of(path, source):
        event = _event(f"{path.name}#{ordinal}", payload)
        if event is None:
            yield [payload or "null"]
            continue
        waiting.append(event)
        if len(waiting) == EVENTS_PER_REQUEST:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _event(event_id: str, payload: str) -> str | None:
    """A record with an `event_id` in front, and its own text untouched; None where it is no JSON object."""
    try:
        fields = json.loads(payload, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    rest = payload.lstrip()[1:]
    return f'{{"event_id":{json.dumps(event_id)}{"," if fields else ""}{rest}'


def _send(client: "_Client", feed: str, events: Sequence[str], sent: Sent) -> None:
    status, answer = client.post(feed, "\n".join(events))
    if status == 202:
        sent.kept += len(events)
    elif status == 200:
        sent.repeated += len(events)
    elif status in (400, 422) and len(events) == 1:
        sent.refused["no JSON object"] += 1
    else:
        raise FeedError(
            f"{client.url}/{feed} refuses what it should take, with {status}: {answer[:300]}. What was sent before "
            "stays; the same command goes on"
        )


class _Client:
    """One connection, opened again when it breaks."""

    def __init__(self, url: str, tell: Callable[[str], None], first_pause_seconds: float) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ParameterError(f"--url {url}: it must be an address such as http://127.0.0.1:8000/events")
        self.url = url.rstrip("/")
        self._path = address.path.rstrip("/")
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.hostname, address.port, timeout=_TIMEOUT_SECONDS)
        self._tell, self._pause = tell, first_pause_seconds

    def post(self, feed: str, body: str) -> tuple[int, str]:
        """The answer's status and text. A request without one, or with a server's error, is sent again, some times."""
        content, reason = body.encode(), ""
        for pause in (*islice(_doubled(self._pause), ATTEMPTS - 1), None):
            try:
                self._connection.request("POST", f"{self._path}/{feed}", content)
                answer = self._connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
                if answer.status < 500 and answer.status != 429:
                    return answer.status, text
                reason = f"it answers {answer.status}: {text[:200]}"
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                reason = str(error) or type(error).__name__
            if pause is not None:
                self._tell(f"{self.url}: {reason}; trying again in {pause:g} s")
                time.sleep(pause)
        raise FeedError(
            f"the events API at {self.url} takes nothing after {ATTEMPTS} attempts ({reason}): start it "
            "(`python -m apps.events_api --folder ...`) or correct --url. What was sent before stays; the same command "
            "goes on"
        )

    def close(self) -> None:
        self._connection.close()


def _doubled(seconds: float) -> Iterator[float]:
    while True:
        yield seconds
        seconds *= 2
