"""A message to a webhook: posted as JSON, with a key by which the receiver drops what it has already had.

An address may be a secret (Slack's are), so messages name the server alone.
"""

import html
import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Annotated, Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import AfterValidator

from common.errors import OutputError
from common.sources.connections import Value

Format = Literal["json", "slack"]
TIMEOUT_SECONDS = 10.0
ATTEMPTS = 4
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
_MAY_PASS = frozenset({408, 425, 429})
"""Beside 5xx, the statuses after which the same request may be taken later."""
_ANSWER_CHARACTERS, _ANSWER_BYTES = 200, 64 * 1024
"""How much of an answer is quoted, and how much of it is looked through for what the address keeps secret."""
_SECRET_CHARACTERS = 8
"""From this length on, a part of an address may be its secret."""


class WebhookRefused(OutputError):
    """The webhook refuses the message, and would again: the address or the message must be mended.

    `status` is HTTP's; None where nothing was asked.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WebhookAway(OutputError):
    """The webhook doesn't take the message now: no server, no answer, too many messages. Later it may.

    `retry_after_seconds` is what the server asks for; None where it says nothing. `status` is HTTP's; None where there
    was no answer.
    """

    had_the_message = False
    """Whether the server had the whole message, and no answer came."""

    def __init__(self, message: str, retry_after_seconds: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds, self.status = retry_after_seconds, status


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET without the message."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def message_of(format_: Format, text: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a message: `json` has the facts and the text, `slack` what Slack's incoming webhooks take."""
    if format_ == "slack":
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    return {**facts, "text": text}


def post(url: str, body: Mapping[str, Any], key: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Posts a message once. Posted again with the same key, it is the same message to a receiver that knows keys.

    Raises:
        WebhookRefused: it is refused for good.
        WebhookAway: it is not taken now. It may have been: of a lost answer nobody knows.
    """
    server = _server(url)
    request = Request(
        url,
        json.dumps(body, ensure_ascii=False, default=str).encode(),
        {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key, "User-Agent": "fraud-lakehouse"},
        method="POST",
    )
    try:
        with build_opener(_NoRedirect).open(request, timeout=timeout_seconds) as answer:
            answer.read(_ANSWER_CHARACTERS)
    except HTTPError as error:
        with error:
            raise _refusal(url, error) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        away = WebhookAway(f"the webhook at {server} doesn't answer: {reason or type(error).__name__}")
        away.had_the_message = isinstance(error, TimeoutError)  # one while connecting or sending is an URLError
        raise away from None


def post_patiently(
    url: str,
    body: Mapping[str, Any],
    key: str,
    tell: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Posts a message, again after failures that may pass, with growing pauses, and with the same key.

    Raises:
        WebhookRefused: it is refused for good.
        WebhookAway: it was not taken as often as is tried.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return post(url, body, key)
        except WebhookAway as error:
            if attempt == ATTEMPTS:
                raise WebhookAway(f"{error}, {ATTEMPTS} times", error.retry_after_seconds) from None
            seconds = max(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), error.retry_after_seconds or 0)
            if seconds > LONGEST_PAUSE_SECONDS:
                raise WebhookAway(f"{error}; it asks for a pause of {seconds:.0f} s", seconds) from None
            tell(f"{error}; attempt {attempt + 1} of {ATTEMPTS} follows in {seconds:.0f} s")
            pause(seconds)
    return None


def wrong_webhook(url: str) -> str:
    """What is wrong with the address of a webhook, in words that don't quote it; empty where nothing is."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(sign.isspace() or not sign.isprintable() for sign in url):
        return "the webhook's address is none: it must be https://HOST/PATH, without blanks"
    if not url.isascii():
        return "the webhook's address has letters beyond ASCII: write them as %XX, and those of the host as xn--"
    if "@" in parts.netloc:
        return "the webhook's address has a login before the host: leave that out"
    return ""


def _address(given: Value) -> Value:
    if isinstance(given, str) and (wrong := wrong_webhook(given)):
        raise ValueError(f"{wrong}; or write {{secret: NAME}}")
    return given


Address = Annotated[Value, AfterValidator(_address)]
"""The address of a webhook in a declaration; it may be a secret."""


def _server(url: str) -> str:
    if wrong := wrong_webhook(url):
        raise WebhookRefused(wrong)
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _refusal(url: str, error: HTTPError) -> OutputError:
    status = f"the webhook at {_server(url)} answered {error.code}"
    try:
        words = " ".join(error.read(_ANSWER_BYTES).decode(errors="replace").split())
    except (HTTPException, OSError):
        words = ""
    words = "" if _tells(words, url) else words[:_ANSWER_CHARACTERS]
    message = f"{status}: {words}" if words else status
    if error.code in _MAY_PASS or error.code >= 500:
        return WebhookAway(message, _retry_after(error.headers.get("Retry-After")), error.code)
    if 300 <= error.code < 400:
        return WebhookRefused(
            f"{status}, a redirect, which a message doesn't follow: give the address that it leads to",
            error.code,
        )
    return WebhookRefused(message, error.code)


def _tells(words: str, url: str) -> bool:
    """Whether an answer quotes a part of the address that may be secret: many servers name the path they don't know."""
    parts = urlsplit(url)
    values = (value for _, value in parse_qsl(parts.query))
    secrets = (*parts.path.split("/"), *values, parts.path, parts.query, parts.fragment)
    quoted = unquote(html.unescape(words)).replace("\\/", "/").casefold()
    return any(unquote(one).casefold() in quoted for one in secrets if len(one) >= _SECRET_CHARACTERS)


def _retry_after(given: str | None) -> float | None:
    """Seconds, from a number of them or a date."""
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None
