"""What an alert is told of, to whom, and the words for it: nothing personal beyond what is needed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from common.publish.alerts.zones import zone_of

Audience = Literal["customer", "team"]

SLOTS = ("first_name", "amount", "merchant", "time", "card", "link", "alert", "customer", "score", "reasons")
"""What a template may name, as $amount."""


@dataclass(frozen=True)
class Message:
    """One alert for one channel, with what PostgreSQL knows of it now. What isn't known is None."""

    alert: str
    channel: str
    event_time: datetime
    scored_at: datetime
    customer: str | None = None
    account: str | None = None
    merchant: str | None = None
    amount_eur: Decimal | None = None
    score: float | None = None
    reasons: Sequence[str] = ()
    model_version: str | None = None
    first_name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None

    @property
    def key(self) -> str:
        """See `key_of`."""
        return key_of(self.alert, self.channel)

    def words(self, link: str) -> dict[str, str]:
        """The values of a template's slots. Line ends are blanks: no value can make a header or a line of its own."""
        zone = zone_of(self.country)
        local = self.event_time.astimezone(zone)
        values = {
            "first_name": self.first_name or "customer",
            "amount": "a sum" if self.amount_eur is None else f"EUR {self.amount_eur:,.2f}",
            "merchant": self.merchant or "a merchant that we can't name",
            "time": f"{local.day} {local:%B %Y, %H:%M} ({zone.key})",
            "card": (self.account or "")[-4:] or "of yours",
            "link": link,
            "alert": self.alert,
            "customer": self.customer or "unknown",
            "score": "none" if self.score is None else f"{self.score:.3f}",
            "reasons": "; ".join(self.reasons) or "none given",
        }
        return {name: " ".join(value.split()) for name, value in values.items()}


def key_of(alert: str, channel: str) -> str:
    """What a message is known by to both sides, at every attempt: a receiver that keeps it takes the message once."""
    return hashlib.sha256(json.dumps([alert, channel]).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Letter:
    """A message as it is sent: to an address, in words. `subject` and `html` are for e-mail alone."""

    to: str
    text: str
    subject: str = ""
    html: str = ""
