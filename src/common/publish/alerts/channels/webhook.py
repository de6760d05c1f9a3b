"""A webhook: JSON by HTTP, once for a receiver that keeps the Idempotency-Key."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from common.errors import first_line
from common.publish.alerts.channels.channel import ANSWER_SECONDS, Channel, Down, Later, Mark, Never
from common.publish.alerts.message import Audience, Letter, Message
from common.publish.alerts.templates import Templates
from common.settings import Settings
from common.sources.connections import Connection, Secret, Value, value_of, wrong_address

_PASSING = (408, 425, 429)
_OF_THE_ADDRESS = (401, 403, 404, 405, 407, 410)
"""What says that nothing is taken at this address, whatever the message."""


def _url(given: Value) -> Value:
    if isinstance(given, str) and (wrong := wrong_address(given)):
        raise ValueError(wrong)
    return given


class WebhookChannel(Channel):
    """JSON to the fraud team, or to a service that writes to customers. `slack` is what Slack's webhooks take.

    `token` is sent as `Authorization: Bearer`. Slack drops no repeats: after a kill it may show an alert twice.
    """

    resends_safely: ClassVar[bool] = True

    by: Literal["webhook"]
    url: Annotated[Value, AfterValidator(_url)]
    body: Annotated[Literal["json", "slack"], Field(alias="format")] = "json"
    to: Audience = "team"
    token: Secret | None = None

    @property
    def audience(self) -> Audience:
        """The fraud team, or customers by way of the receiver."""
        return self.to

    def letter(self, message: Message, templates: Templates, link: str) -> Letter | str:
        """A body of JSON."""
        if self.to == "customer" and not message.customer:
            return "no customer"
        words = message.words(link)
        text = templates.text("team.txt" if self.to == "team" else "customer_short.txt", words)
        body = {"text": _for_slack(text)} if self.body == "slack" else self._json(message, text, link)
        return Letter(message.customer or "" if self.to == "customer" else "the fraud team", json.dumps(body))

    def _json(self, message: Message, text: str, link: str) -> dict[str, Any]:
        body = {
            "key": message.key,
            "alert": message.alert,
            "customer_id": message.customer,
            "event_time": message.event_time.astimezone(UTC).isoformat(),
            "amount_eur": None if message.amount_eur is None else str(message.amount_eur),
            "merchant": message.merchant,
            "text": text,
        }
        if self.to == "customer":
            return body | {"link": link}
        return body | {"score": message.score, "reasons": [*message.reasons], "model_version": message.model_version}

    def send(
        self, message: Message, letter: Letter, connections: Mapping[str, Connection], settings: Settings, mark: Mark
    ) -> str:
        """Posts the body. What nobody knows is sent again: the receiver knows the key."""
        del connections, mark
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token.value(settings)}"
        url = value_of(self.url, settings)
        if wrong := wrong_address(url):
            raise Down(f"the webhook's address: {wrong if '@' in url else 'it must be https://HOST/PATH'}")
        try:
            # bandit: the address begins with http, which was checked.
            with _OPENER.open(  # nosec B310
                urllib.request.Request(url, letter.text.encode(), headers), timeout=ANSWER_SECONDS
            ) as answer:
                return f"HTTP {answer.status}"
        except urllib.error.HTTPError as error:
            error.close()
            raise _refusal(error) from None
        except urllib.error.URLError as error:
            raise Down(f"the webhook doesn't answer: {error.reason}") from None
        except (OSError, ValueError) as error:
            raise Later(f"the webhook hung up: {first_line(error)}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A body that is posted isn't sent on to another address."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is the answer."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _refusal(error: urllib.error.HTTPError) -> Exception:
    words = f"the webhook answers HTTP {error.code}"
    if error.code in _PASSING or error.code >= 500:
        return Later(words, _retry_after(error.headers.get("Retry-After")))
    if error.code in _OF_THE_ADDRESS or error.code < 400:
        return Down(f"{words}: correct its url or token")
    return Never(words)


def _retry_after(given: str | None) -> timedelta | None:
    """The pause that a receiver asks for, in seconds or until a date."""
    if given is None:
        return None
    if given.strip().isdecimal():
        return timedelta(seconds=min(int(given), 86_400))
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return min(max(until - datetime.now(UTC), timedelta()), timedelta(days=1))


def _for_slack(text: str) -> str:
    """Slack's own escapes: what stands in angle brackets would be a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
