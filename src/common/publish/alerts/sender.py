"""The sender: claims what is due, sends it, and records what became of it. Several may work at once, and be killed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.errors import LakehouseError
from common.publish.alerts.answers import Answers
from common.publish.alerts.channels import AnyChannel
from common.publish.alerts.channels.channel import Down, Later, Never, Unsure
from common.publish.alerts.filling import WITHDRAWN
from common.publish.alerts.message import Letter, Message
from common.publish.alerts.outbox import Claim, Outbox
from common.publish.alerts.quiet_hours import QuietHours
from common.publish.alerts.templates import Templates
from common.publish.alerts.zones import zone_of
from common.settings import Settings
from common.sources.connections import Connection
from common.sources.feed import Tell

LEASE = timedelta(minutes=5)
"""After so long a claim is that of a sender that was killed: all that a channel asks of its server takes less."""

LOOK_AGAIN = timedelta(minutes=10)
"""So long a message waits for an address: the customer's record may come after the payment's."""

TOO_LATE = "it could not be sent in time"
HELD_BY_QUIET_HOURS = "quiet hours of the customer's"
HELD_BY_LIMIT = "the customer was told as often as a day allows"


class _LeaseEnded(Exception):
    """Another sender may have the message: this one must not hand it over."""


@dataclass(frozen=True)
class Sender:
    """Sends the messages of channels by their names. `tell_for`: a message that waits longer isn't sent at all."""

    channels: Mapping[str, AnyChannel]
    connections: Mapping[str, Connection]
    settings: Settings
    outbox: Outbox
    tell: Tell
    tell_for: timedelta
    templates: Templates
    answers: Answers | None = None
    quiet_hours: QuietHours | None = None
    lease: timedelta = LEASE
    down: dict[str, str] = field(default_factory=dict)
    """Channels that don't work, with the reason: they are left for this run."""
    paused: set[str] = field(default_factory=set)
    """Channels that work, and ask for a pause: they are left for this run as well."""

    def run(self) -> Counter[tuple[str, str]]:
        """Sends all that is due; how many messages of each channel came to what.

        Raises:
            SecretError: there is no secret of a name that a channel or its connection gives.
            FeedError: a client library isn't there.
        """
        counts: Counter[tuple[str, str]] = Counter()
        self.outbox.release(self.lease)
        while working := [name for name in self.channels if name not in {*self.down, *self.paused}]:
            with self.outbox.claimed(working) as claim:
                if claim is None:
                    break
                outcome = self.decide(claim)
                letter = outcome if isinstance(outcome, Letter) else None
                if letter:
                    self.outbox.claim(claim)
            counts[claim.key[1], self._send(claim, letter) if letter else str(outcome)] += 1
        return counts

    def decide(self, claim: Claim) -> Letter | str:
        """The letter to send; or what the message was made, which is in the outbox then: held, or suppressed."""
        verdict = self.judge(claim)
        if isinstance(verdict, Letter):
            return verdict
        until, why = verdict
        if until is None:
            is_dead_letter = claim.attempt > 1 and claim.message is not None
            self.outbox.end(claim, "failed" if is_dead_letter else "suppressed", why)
            return "failed" if is_dead_letter else "suppressed"
        self.outbox.hold(claim, until, why)
        return "held"

    def judge(self, claim: Claim, link: str | None = None, before: int = 0) -> Letter | tuple[datetime | None, str]:
        """The letter of a message that is to be sent now; else until when it waits (None: for ever), and why.

        For people to look at, `link` stands in place of the real one, and `before` so many messages of the channel,
        which wait as this one does, would go to the customer before it.
        """
        message = claim.message
        if message is None:
            return None, WITHDRAWN
        is_late = claim.now - claim.created_at > self.tell_for
        if link is None:
            link = self._link(message)
        letter = self.channels[message.channel].letter(message, self.templates, link)
        if isinstance(letter, str):
            return None if is_late else claim.now + LOOK_AGAIN, letter
        if is_late:
            return None, TOO_LATE
        return self._held(claim, message, before) or letter

    def _link(self, message: Message) -> str:
        if self.answers is None or self.channels[message.channel].audience == "team":
            return ""
        return self.answers.link(message.alert, message.scored_at, self.settings)

    def _held(self, claim: Claim, message: Message, before: int) -> tuple[datetime, str] | None:
        channel = self.channels[message.channel]
        if channel.audience == "team":
            return None
        if self.quiet_hours and (end := self.quiet_hours.end_after(claim.now, zone_of(message.country))):
            return end, HELD_BY_QUIET_HOURS
        if message.customer and (full_until := self.outbox.full_until(claim, channel.per_day, before)):
            return full_until, HELD_BY_LIMIT
        return None

    def _send(self, claim: Claim, letter: Letter) -> str:
        assert claim.message
        name = claim.message.channel
        try:
            receipt = self._handed_over(claim, claim.message, letter)
        except _LeaseEnded:
            return "left to another sender"
        except Never as refusal:
            self.outbox.failed(claim, str(refusal))
            return "failed"
        except Unsure as trouble:
            self.outbox.unsure(claim, str(trouble))
            return "unsure"
        except Later as refusal:
            if refusal.after is not None:
                self.paused.add(name)
                asked = f", and asks for a pause of {refusal.after}" if refusal.after else ""
                self.tell(f"{name}: {refusal}{asked}; its messages wait")
            return "later" if self.outbox.later(claim, str(refusal), refusal.after) else "failed"
        except Down as trouble:
            self.down[name] = str(trouble)
            self.tell(f"{name}: {trouble}; its messages wait for the next run")
            self.outbox.put_back(claim, str(trouble))
            return "put back"
        except LakehouseError as error:
            self.outbox.put_back(claim, str(error))
            raise
        self.outbox.sent(claim, receipt)
        return "sent"

    def _handed_over(self, claim: Claim, message: Message, letter: Letter) -> str:
        marked: bool | None = False  # None: the outbox was asked, and has not answered

        def mark() -> None:
            nonlocal marked
            marked = None
            if not self.outbox.hand_over(claim):
                raise _LeaseEnded
            marked = True

        channel = self.channels[message.channel]
        try:
            return channel.send(message, letter, self.connections, self.settings, mark)
        except (Later, Never, Down, Unsure, _LeaseEnded, LakehouseError):
            raise
        except Exception as error:  # such as of a library that stumbles over an address: others' messages go on
            if marked is None:
                raise
            raise (Unsure if marked else Never)(f"it can't be sent: {type(error).__name__}") from None
