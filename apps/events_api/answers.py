"""Customers' answers to alerts: a page behind the link that an alert has, and what they say there, kept as an event.

Nothing happens by GET, which scanners of mail send to every link: an answer is what the page's form posts.
"""

import hashlib
import json
from html import escape
from typing import Any
from urllib.parse import parse_qs

from apps.events_api.body import Event
from apps.events_api.objects import object_of
from apps.events_api.request import Request
from apps.events_api.store import Store
from common.publish.alerts.links import WrongLink, alert_of

FEED = "alert_answers"
"""The folder of the answers, below the prefix; no events can be sent there."""

_SAID = {"genuine": "Yes, it was me", "fraud": "No, it was not me"}
_MOST_BYTES = 1_000
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


def answered(request: Request, key: str, store: Store, prefix: str) -> dict[str, Any]:
    """The answer to a request for a link's page, or of its form.

    200: the page, or thanks. 400: the form says neither. 404: the link isn't whole. 405: another method. 410: the link
    has ended.

    Raises:
        StoreError: the answer can't be kept now.
    """
    try:
        alert = alert_of(request.path.rpartition("/")[2], key, request.received_at)
    except WrongLink as error:
        words = "Copy the whole link from your message, or call us." if error.status == 404 else "Please call us."
        return _page(error.status, f"Sorry: {error}.", words)
    if request.method in ("GET", "HEAD"):
        buttons = "".join(
            f'<button name="answer" value="{answer}">{escape(words)}</button>' for answer, words in _SAID.items()
        )
        return _page(
            200, "Was this payment yours?", "Our message to you says which.", f'<form method="post">{buttons}</form>'
        )
    if request.method != "POST":
        return _page(405, "Sorry: this can't be done here.", "Open the link again.", allow="GET, POST")
    given = parse_qs(request.body[:_MOST_BYTES].decode("ascii", "replace")).get("answer", [""])[0]
    if given not in _SAID:
        return _page(400, "Sorry: we did not understand.", "Open the link again, and press one of the two buttons.")
    _keep(request, alert, given, store, prefix)
    return _page(200, "Thank you.", f"You said: {_SAID[given]}. If that changes, open the link again.")


def _keep(request: Request, alert: str, answer: str, store: Store, prefix: str) -> None:
    """Writes the answer as an object. The same one again within a minute is the same object: a form is sent twice."""
    minute = f"{request.received_at:%Y-%m-%dT%H:%M}"
    name = hashlib.sha256(json.dumps([alert, answer, minute]).encode()).hexdigest()[:32]
    event = {
        "event_id": name,
        "transaction_id": alert,
        "answer": answer,
        "answered_at": request.received_at.isoformat(timespec="milliseconds"),
    }
    key = "/".join(filter(None, [prefix.strip("/"), FEED, f"{name}.parquet"]))
    store.put(key, object_of([Event(name, json.dumps(event))], request))


def _page(status: int, title: str, words: str, form: str = "", allow: str = "") -> dict[str, Any]:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>body{{font-family:sans-serif;max-width:36rem;margin:2rem auto;"
        "padding:0 1rem;color:#1a1a1a}button{display:block;width:100%;margin:1rem 0;padding:1rem;font-size:1.1rem}"
        f"</style></head><body><main><h1>{escape(title)}</h1><p>{escape(words)}</p>{form}</main></body></html>"
    )
    headers = _HEADERS | ({"allow": allow} if allow else {})
    return {"statusCode": status, "headers": headers, "body": page, "isBase64Encoded": False}
