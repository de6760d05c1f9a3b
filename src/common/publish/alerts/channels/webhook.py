"""A webhook: JSON by HTTP, once for a receiver that keeps the Idempotency-Key."""

import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.publish.alerts.channels.channel import ANSWER_SECONDS, Channel, Down, Later, Mark, Never
from common.publish.alerts.message import Audience, Letter, Message
from common.publish.alerts.templates import Templates
from common.publish.webhook import Address, Format, WebhookAway, WebhookRefused, message_of, post
from common.settings import Settings
from common.sources.connections import Connection, value_of

_OF_THE_MESSAGE = (400, 406, 409, 413, 415, 422)
"""Refusals of one message. All others, such as 403 and 404, are of the address and of every message."""


class WebhookChannel(Channel):
    """JSON to the fraud team, or to a service that writes to customers. `slack` is what Slack's webhooks take.

    The address may be a secret. Slack drops no repeats: after a kill it may show an alert twice.
    """

    resends_safely: ClassVar[bool] = True

    by: Literal["webhook"]
    url: Address
    body: Annotated[Format, Field(alias="format")] = "json"
    to: Audience = "team"

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
        body = message_of(self.body, text, self._facts(message, link))
        return Letter(message.customer or "" if self.to == "customer" else "the fraud team", json.dumps(body))

    def _facts(self, message: Message, link: str) -> dict[str, Any]:
        facts = {
            "key": message.key,
            "alert": message.alert,
            "customer_id": message.customer,
            "event_time": message.event_time.astimezone(UTC).isoformat(),
            "amount_eur": None if message.amount_eur is None else str(message.amount_eur),
            "merchant": message.merchant,
        }
        if self.to == "customer":
            return facts | {"link": link}
        return facts | {"score": message.score, "reasons": [*message.reasons], "model_version": message.model_version}

    def send(
        self, message: Message, letter: Letter, connections: Mapping[str, Connection], settings: Settings, mark: Mark
    ) -> str:
        """Posts the body. What nobody knows is sent again: the receiver knows the key."""
        del connections, mark
        try:
            post(value_of(self.url, settings), json.loads(letter.text), message.key, ANSWER_SECONDS)
        except WebhookAway as error:
            if error.had_the_message:  # it may be this message that takes so long: the attempt counts, others go on
                raise Later(str(error), timedelta(0)) from None
            if error.status is None:
                raise Down(str(error)) from None
            seconds = error.retry_after_seconds
            after = None if seconds is None else min(timedelta(seconds=seconds), timedelta(days=1))
            raise Later(f"the webhook answers HTTP {error.status}", after) from None
        except WebhookRefused as error:
            if error.status in _OF_THE_MESSAGE:  # its words aren't kept: they often quote the message
                raise Never(f"the webhook answers HTTP {error.status}") from None
            raise Down(f"{error}; correct its url") from None
        return "taken"
