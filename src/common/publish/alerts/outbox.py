"""The outbox in PostgreSQL: messages claimed by one sender each, and what became of them. Every change is committed."""

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from common.publish.alerts.message import Message

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
SPREAD = (0.75, 1.25)
"""Pauses are drawn between so many times as long: what failed together isn't tried together."""
DAY = timedelta(hours=24)

KILLED = "its sender ended while the receiver may have had it"

_PENDING = """
SELECT a.transaction_id IS NOT NULL, o.attempts, o.created_at, now(),
       o.alert_id, o.channel, a.event_time, a.scored_at, a.customer_id, a.account_id, m.name, a.amount_eur, a.score,
       a.reasons, a.model_version, c.first_name, c.email, c.phone, c.country
FROM alerts.outbox o
LEFT JOIN LATERAL (SELECT * FROM alerts.alerts WHERE transaction_id = o.alert_id ORDER BY event_time DESC LIMIT 1) a
          ON true
LEFT JOIN alerts.contacts c ON c.customer_id = a.customer_id
LEFT JOIN alerts.merchants m ON m.merchant_id = a.merchant_id
WHERE o.state = 'pending' AND o.channel = ANY(%s)
"""
"""From the alert's id on in the order of `Message`'s fields. Of an id on two dates the newer one is told."""


@dataclass(frozen=True)
class Claim:
    """A message that one sender has; `attempt` is this one's number, from 1. `now` is the database's clock."""

    id: str
    message: Message | None
    """None: its alert is gone."""
    key: tuple[str, str]
    attempt: int
    created_at: datetime
    now: datetime


@dataclass(frozen=True)
class Outbox:
    """The outbox by a connection of psycopg in autocommit. `pause` is that before the second attempt."""

    connection: Any
    attempts: int
    pause: timedelta = FIRST_PAUSE
    longest_pause: timedelta = LONGEST_PAUSE

    def release(self, lease: timedelta) -> int:
        """Takes back what senders claimed longer ago than `lease`, and didn't end; how many those were.

        What was not handed over is sent again; of what was, nobody knows.
        """
        done = self.connection.execute(
            "UPDATE alerts.outbox SET state = CASE WHEN is_handed_over THEN 'unsure' WHEN attempts >= %(most)s "
            "THEN 'failed' ELSE 'pending' END, note = CASE WHEN is_handed_over THEN %(killed)s ELSE "
            "coalesce(note, 'its sender ended') END, next_try = now(), ended_at = now() "
            "WHERE state = 'sending' AND claimed_at < now() - %(lease)s",
            {"most": self.attempts, "killed": KILLED, "lease": lease},
        )
        return int(done.rowcount)

    @contextmanager
    def claimed(self, channels: Sequence[str]) -> Iterator[Claim | None]:
        """A message that is due, for the block to decide on: it must claim it, hold it or suppress it there.

        None: no message is due. No other sender sees the message while the block lasts.
        """
        with self.connection.transaction():
            row = self.connection.execute(
                f"{_PENDING} AND o.next_try <= now() ORDER BY o.next_try, o.alert_id LIMIT 1 "
                "FOR UPDATE OF o SKIP LOCKED",
                [list(channels)],
            ).fetchone()
            yield None if row is None else _claim(row)

    def pending(self, channels: Sequence[str], limit: int | None = None) -> list[Claim]:
        """Messages that wait, the next first, for people to look at: nothing is claimed. `limit` None: all."""
        rows = self.connection.execute(f"{_PENDING} ORDER BY o.next_try, o.alert_id LIMIT %s", [list(channels), limit])
        return [_claim(row) for row in rows.fetchall()]

    def full_until(self, claim: Claim, per_day: int, before: int = 0) -> datetime | None:
        """When the customer may be told again by this channel; None: now. Call it where the message is claimed.

        `before`: so many messages that wait would be sent to the customer before this one.
        """
        assert claim.message
        per_day -= before
        if per_day <= 0:
            return claim.now + DAY
        customer, channel = claim.message.customer, claim.message.channel
        # Two senders with a message each for one customer come here one after the other.
        self.connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{channel} {customer}"])
        times = self.connection.execute(
            "SELECT o.claimed_at FROM alerts.outbox o WHERE EXISTS (SELECT FROM alerts.alerts a "
            "WHERE a.transaction_id = o.alert_id AND a.customer_id = %s) AND o.channel = %s "
            "AND o.state IN ('sending', 'sent', 'unsure') "
            "AND o.claimed_at > now() - interval '24 hours' ORDER BY o.claimed_at DESC LIMIT %s",
            [customer, channel, per_day],
        ).fetchall()
        return None if len(times) < per_day else times[-1][0] + DAY

    def claim(self, claim: Claim) -> None:
        """The message is this sender's; the attempt counts."""
        self._change(claim, "state = 'sending', attempts = attempts + 1, claimed_by = %s, claimed_at = now(), "
                            "is_handed_over = false", claim.id)  # fmt: skip

    def hold(self, claim: Claim, until: datetime, why: str) -> None:
        """The message waits."""
        self._change(claim, "next_try = %s, note = %s", until, why)

    def end(self, claim: Claim, state: Literal["suppressed", "failed"], why: str) -> None:
        """The message is never sent; `failed` where a person must know, for it was tried."""
        self._change(claim, "state = %s, note = %s, ended_at = now()", state, why)

    def hand_over(self, claim: Claim) -> bool:
        """Marks that from now on the receiver may have the message; false: its lease ended, and it must not be sent."""
        return self._mine(claim, "is_handed_over = true", state="sending")

    def sent(self, claim: Claim, receipt: str) -> bool:
        """The receiver has taken it."""
        return self._mine(claim, "state = 'sent', receipt = %s, note = NULL, ended_at = now()", receipt)

    def unsure(self, claim: Claim, why: str) -> bool:
        """Nobody knows."""
        return self._mine(claim, "state = 'unsure', note = %s, ended_at = now()", why)

    def failed(self, claim: Claim, why: str) -> bool:
        """A dead letter."""
        return self._mine(claim, "state = 'failed', note = %s, ended_at = now()", why)

    def later(self, claim: Claim, why: str, after: timedelta | None) -> bool:
        """Refused for now: it is tried again after a pause, unless this was the last attempt. False: it was."""
        if claim.attempt >= self.attempts:
            self.failed(claim, f"{why}; tried {claim.attempt} times")
            return False
        pause = self.pause_after(claim.attempt) * random.uniform(*SPREAD)
        return self._mine(
            claim,
            "state = 'pending', is_handed_over = false, note = %s, next_try = now() + %s",
            why,
            max(pause, after or pause),
        )

    def pause_after(self, attempt: int) -> timedelta:
        """How long a message waits after so many attempts, on average."""
        # No pause is doubled more than 20 times: at 50 doublings there is no such time.
        return min(self.pause * 2.0 ** min(attempt - 1, 20), self.longest_pause)

    def put_back(self, claim: Claim, why: str) -> bool:
        """The channel doesn't work: the message waits as before, and the attempt doesn't count."""
        return self._mine(
            claim,
            "state = 'pending', is_handed_over = false, attempts = attempts - 1, note = %s, next_try = now() + %s",
            why,
            self.pause,
        )

    def _change(self, claim: Claim, what: str, *values: Any) -> None:
        self.connection.execute(
            f"UPDATE alerts.outbox SET {what} WHERE (alert_id, channel) = (%s, %s)", [*values, *claim.key]
        )

    def _mine(self, claim: Claim, what: str, *values: Any, state: str = "") -> bool:
        """Changes the message if it is still this claim's. One whose lease ended may be unsure meanwhile."""
        states = [state] if state else ["sending", "unsure"]
        done = self.connection.execute(
            f"UPDATE alerts.outbox SET {what} WHERE (alert_id, channel) = (%s, %s) AND claimed_by = %s "
            "AND state = ANY(%s)",
            [*values, *claim.key, claim.id, states],
        )
        return bool(done.rowcount)


def _claim(row: Sequence[Any]) -> Claim:
    is_there, attempts, created_at, now, *values = row
    known = dict(zip((field.name for field in fields(Message)), values, strict=True))
    message = Message(**known | {"reasons": tuple(known["reasons"] or ())}) if is_there else None
    return Claim(uuid.uuid4().hex, message, (values[0], values[1]), attempts + 1, created_at, now)
