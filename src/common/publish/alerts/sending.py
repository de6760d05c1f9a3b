"""What the notebook that sends alerts does: what waits is shown or sent, and what a person must look at is listed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from common.errors import OutputError
from common.parameters import ALERTS_DRY_RUN, ALERTS_ON
from common.publish.alerts.message import Letter, key_of
from common.publish.alerts.outbox import Claim
from common.publish.alerts.sender import Sender
from common.publish.alerts.settling import settle
from common.publish.output import Output
from common.publish.postgres.failures import in_words
from common.publish.writers.alerts import AlertsOutput
from common.result import Result
from common.settings import Settings
from common.sources.feed import Tell, silent
from common.storage.masking import masked_text

SHOWN = 50
LINK = "https://..."
BECOMES = ("now", "held", "never")

Verdict = Letter | tuple[datetime | None, str]


class Alerts:
    """The alerts of the outputs that are named: their outboxes, asked and sent from."""

    def __init__(self, outputs: Sequence[Output], settings: Settings, alerts: str, tell: Tell = silent) -> None:
        self._outputs = [output for output in outputs if isinstance(output, AlertsOutput)]
        self._settings, self._alerts, self._tell = settings, alerts, tell
        self._down: dict[str, str] = {}

    def resolve(self, given: str) -> int:
        """Settles messages as a person says; how many. See `settle`."""
        changed = 0
        for output in self._outputs if given else []:
            with self._opened(output) as connection:
                changed += settle(connection, given)
        return changed

    def waiting(self) -> pd.DataFrame:
        """What would be sent, to whom and when, with personal values masked; empty where alerts are off."""
        rows = []
        for output in self._asked:
            with self._opened(output) as connection:
                judged = _judged(output, output.sender(connection, self._settings), SHOWN)
                for claim, verdict in judged:
                    is_personal = output.channels[claim.key[1]].audience == "customer"
                    rows.append((*claim.key, *_shown(verdict, is_personal)))
        return pd.DataFrame(rows, columns=["alert", "channel", "sent", "why", "to", "text"])

    def send(self) -> Result:
        """Sends what is due, where alerts are on; in a dry run, counts what would be sent."""
        if not self._outputs:
            return Result(note="no output that tells alerts is named in outputs")
        if self._alerts == ALERTS_DRY_RUN:
            return self._would_send()
        if self._alerts != ALERTS_ON:
            return Result(note=f"alerts are {self._alerts}: nothing was sent")
        facts, sent = {}, 0
        for output in self._outputs:
            with self._opened(output) as connection:
                sender = output.sender(connection, self._settings, self._tell)
                counts = sender.run()
            sent += sum(count for (_, what), count in counts.items() if what == "sent")
            for channel in output.channels:
                of_it = [f"{count} {what}" for (name, what), count in sorted(counts.items()) if name == channel]
                facts[f"{output.name}: {channel}"] = ", ".join(of_it) or "nothing was due"
            self._down |= {f"{output.name}: {channel}": why for channel, why in sender.down.items()}
        return Result(rows_out=sent, note=f"{sent} messages were sent", facts={"messages": facts})

    def _would_send(self) -> Result:
        facts = {}
        for output in self._outputs:
            with self._opened(output) as connection:
                judged = _judged(output, output.sender(connection, self._settings))
                counts = Counter((claim.key[1], _becomes(verdict)) for claim, verdict in judged)
            for channel in output.channels:
                of_it = [f"{counts[channel, what]} {what}" for what in BECOMES if counts[channel, what]]
                facts[f"{output.name}: {channel}"] = ", ".join(of_it) or "nothing waits"
        note = f"dry run: nothing was sent; the executed notebook lists what waits, {SHOWN} messages at most"
        return Result(note=note, facts={"would be sent": facts})

    def to_look_at(self) -> pd.DataFrame:
        """Messages of which nobody knows whether they were sent, and dead letters, the newest first.

        `key` is what the receiver's log knows a message by: a mail's Message-ID begins with it.
        """
        rows: list[Any] = []
        for output in self._asked:
            with self._opened(output) as connection:
                found = connection.execute(
                    "SELECT alert_id, channel, state, note, attempts, ended_at FROM alerts.outbox "
                    "WHERE state IN ('unsure', 'failed') ORDER BY ended_at DESC LIMIT %s",
                    [SHOWN],
                ).fetchall()
                rows += [(f"{alert}/{channel}", *what, key_of(alert, channel)) for alert, channel, *what in found]
        return pd.DataFrame(rows, columns=["message", "state", "why", "attempts", "since", "key"])

    def failure(self) -> OutputError | None:
        """The error that ends the run where a channel doesn't work; None where all do."""
        if not self._down:
            return None
        lines = "\n".join(f"  {name}: {why}" for name, why in self._down.items())
        return OutputError(
            f"these channels don't work:\n{lines}\nTheir messages wait for the next run, and none is lost"
        )

    @property
    def _asked(self) -> list[AlertsOutput]:
        """The outputs whose outboxes are looked at: none where alerts are off."""
        return self._outputs if self._alerts in (ALERTS_ON, ALERTS_DRY_RUN) else []

    @contextmanager
    def _opened(self, output: AlertsOutput) -> Iterator[Any]:
        """A connection to an output's outbox.

        Raises:
            OutputError: its server isn't there or refuses, or there is no outbox yet.
        """
        where = f"the outbox in {output.where(self._settings)}"
        with output.connected(self._settings, self._tell) as connection, in_words(where):
            if connection.execute("SELECT to_regclass('alerts.outbox')").fetchone() == (None,):
                raise OutputError(f"{where} isn't there yet: run publish with outputs={output.name} first")
            yield connection


def _judged(output: AlertsOutput, sender: Sender, limit: int | None = None) -> Iterator[tuple[Claim, Verdict]]:
    """What waits, without names, and what becomes of it now: a day's limit counts those that would be sent before."""
    before: Counter[tuple[str, str | None]] = Counter()
    for claim in sender.outbox.pending([*output.channels], limit):
        to = (claim.key[1], claim.message.customer if claim.message else None)
        verdict = sender.judge(_without_name(claim), LINK, before[to])
        before[to] += isinstance(verdict, Letter)
        yield claim, verdict


def _becomes(verdict: Verdict) -> str:
    """One of `BECOMES`."""
    if isinstance(verdict, Letter):
        return "now"
    return "held" if verdict[0] else "never"


def _shown(verdict: Verdict, is_personal: bool) -> tuple[str, str, str, str]:
    """When a message would be sent, why not now, to whom, and its text. What is personal is masked."""
    if isinstance(verdict, Letter):
        # An address is judged as it is, and masked only then: a masked one may be no address.
        return "now", "", masked_text(verdict.to) if is_personal else verdict.to, verdict.text
    until, why = verdict
    return f"from {until:%Y-%m-%d %H:%M %Z} on" if until else "never", why, "", ""


def _without_name(claim: Claim) -> Claim:
    if claim.message is None or not claim.message.first_name:
        return claim
    return replace(claim, message=replace(claim.message, first_name=masked_text(claim.message.first_name)))
