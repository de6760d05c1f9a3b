"""Fraud reports: when the holder of a card notices, days later, and now and then by mistake, or on a lie."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from local.simulate.arrivals import ACCEPTED, DUPLICATE, QUARANTINED, Arrival, Post
from local.simulate.payments import ONLINE, Payments
from local.simulate.people import SECONDS_PER_DAY, Ints
from local.simulate.randomness import Stream, generator
from local.simulate.settings import World
from local.simulate.transaction_lines import Record, text_of
from local.simulate.wording import iso

LATEST_DAYS = 30
"""Days after which every report, withdrawals included, has arrived."""

_WEEK_DAYS = 7.0
_WITHDRAWN_WITHIN_DAYS = 5.0
_DAYS_UNTIL_NOTICED = 2.0

UNREPORTED, FRIENDLY, WITHDRAWN = "unreported", "friendly_fraud", "withdrawn"


@dataclass(frozen=True)
class DayOfReports:
    """The reports that come in on a day, in order of time, and those of its payments whose label is wrong.

    `mislabelled` has transaction_id and kind: a fraud that is `unreported`, or a genuine payment reported as fraud, for
    good (`friendly_fraud`) or until it is `withdrawn`.
    """

    arrived: list[Arrival]
    mislabelled: list[tuple[str, str]]


class ReportsFeed:
    """Makes the feed's files day by day; days must come in order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._post = Post()

    def file(self, payments: Payments, ids: pa.Array, day: int) -> DayOfReports:
        """What comes in on a day; the reports of the day's payments are noted for later."""
        rng = generator(self._world.seed, Stream.REPORTS, day)
        today = _Day(day, payments, ids, self._world.midnight(day))
        unreported = self._of_frauds(today, rng)
        mistaken = ~payments.is_fraud & (rng.random(len(payments)) < self._world.withdrawn_report_rate)
        withdrawn = self._by_mistake(today, np.flatnonzero(mistaken), rng)
        friendly = self._on_a_lie(today, ~payments.is_fraud & ~mistaken & (payments.channel == ONLINE))
        return DayOfReports(
            sorted(self._post.arriving(day), key=lambda arrival: arrival.key),
            [
                (today.id(row), kind)
                for kind, rows in ((UNREPORTED, unreported), (WITHDRAWN, withdrawn), (FRIENDLY, friendly))
                for row in rows
            ],
        )

    def _of_frauds(self, today: "_Day", rng: np.random.Generator) -> list[int]:
        """Reports of frauds; the rows of those that get none."""
        world, rows = self._world, np.flatnonzero(today.payments.is_fraud)
        delays = self._delays(rng, len(rows))
        never = generator(world.seed, Stream.UNREPORTED, today.day).random(len(rows)) < world.strength(
            "unreported_share"
        )
        unreported = []
        for row, delay, is_quiet in zip(rows.tolist(), delays.tolist(), never.tolist(), strict=True):
            if delay >= 0:
                report = self._report(today.id(row), today.time(row) + delay, is_fraud=True, rng=rng)
                # One that is not sent has taken its random numbers, so that the others are what they would be.
                self._send([] if is_quiet else report)
            if delay < 0 or is_quiet:
                unreported.append(row)
        return unreported

    def _by_mistake(self, today: "_Day", rows: Ints, rng: np.random.Generator) -> list[int]:
        for row in rows.tolist():
            reported = today.time(row) + int(rng.uniform(1, _WEEK_DAYS) * SECONDS_PER_DAY)
            withdrawn = reported + int(rng.uniform(1, _WITHDRAWN_WITHIN_DAYS) * SECONDS_PER_DAY)
            self._send(self._report(today.id(row), reported, is_fraud=True, rng=rng))
            self._send(self._report(today.id(row), withdrawn, is_fraud=False, rng=rng))
        return list(rows.tolist())

    def _on_a_lie(self, today: "_Day", could: NDArray[np.bool_]) -> list[int]:
        """Friendly fraud: reported as soon as real frauds are, always, and never withdrawn; its rows."""
        rng = generator(self._world.seed, Stream.FRIENDLY_FRAUD, today.day)
        rows = np.flatnonzero(could & (rng.random(len(could)) < self._world.strength("friendly_fraud_rate")))
        for row, delay in zip(rows.tolist(), self._delays(rng, len(rows), never_share=0.0).tolist(), strict=True):
            self._send(self._report(today.id(row), today.time(row) + delay, is_fraud=True, rng=rng))
        return list(rows.tolist())

    def _delays(self, rng: np.random.Generator, size: int, never_share: float | None = None) -> Ints:
        """Seconds until payments are reported, -1 for those that never are (by default: `report_never_share`)."""
        draw = rng.random(size)
        soon = rng.exponential(_DAYS_UNTIL_NOTICED, size) % _WEEK_DAYS
        late = rng.uniform(_WEEK_DAYS, LATEST_DAYS, size)
        days = np.where(draw < self._world.report_within_week_share, soon, late)
        never = draw >= 1 - (self._world.report_never_share if never_share is None else never_share)
        return np.where(never, -1, (days * SECONDS_PER_DAY).astype(np.int64))

    def _send(self, arrivals: list[tuple[int, Arrival]]) -> None:
        for day, arrival in arrivals:
            self._post.send(day, arrival)

    def _report(
        self, transaction: str, reported_at: int, *, is_fraud: bool, rng: np.random.Generator
    ) -> list[tuple[int, Arrival]]:
        """What is sent of a report, each with the day that it arrives on."""
        record = {
            "transaction_id": f'"{transaction}"',
            "is_fraud": "true" if is_fraud else "false",
            "reported_at": f'"{iso(reported_at)}"',
        }
        # The time comes first in the key, which makes it the order of the file.
        key = f"{iso(reported_at)} {transaction}"
        arrives = (reported_at - self._world.midnight(0)) // SECONDS_PER_DAY
        right = Arrival(text_of(record), key)
        if rng.random() >= self._world.reference_dirt_rate:
            return [(arrives, right)]
        kind, outcome, spoilt = _spoilt(record, int(rng.integers(0, 4)))
        found = [(arrives, Arrival(text_of(spoilt), key, kind, outcome))]
        if outcome == DUPLICATE:
            return [(arrives, right), *found]
        # Whoever sent one that is quarantined notices, and sends it right the next day.
        return [*found, (arrives + 1, right)] if outcome == QUARANTINED else found


@dataclass(frozen=True)
class _Day:
    day: int
    payments: Payments
    ids: pa.Array
    midnight: int

    def id(self, row: int) -> str:
        """The id of a payment."""
        return str(self.ids[row].as_py())

    def time(self, row: int) -> int:
        """When a payment was made, seconds from 1970."""
        return self.midnight + int(self.payments.second[row])


def _spoilt(record: Record, pick: int) -> tuple[str, str, Record]:
    return (
        ("missing_id", QUARANTINED, {**record, "transaction_id": "null"}),
        ("bad_date", QUARANTINED, {**record, "reported_at": '"2025-13-45"'}),
        ("stray_text", ACCEPTED, {**record, "is_fraud": record["is_fraud"].upper().join('""')}),
        ("duplicate", DUPLICATE, record),
    )[pick]
