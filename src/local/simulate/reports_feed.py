"""Fraud reports: when the holder of a card notices, days later, and now and then by mistake."""

import numpy as np
import pyarrow as pa

from local.simulate.arrivals import ACCEPTED, DUPLICATE, QUARANTINED, Arrival, Post
from local.simulate.payments import Payments
from local.simulate.people import SECONDS_PER_DAY
from local.simulate.randomness import Stream, generator
from local.simulate.settings import World
from local.simulate.transaction_lines import Record, text_of
from local.simulate.wording import iso

LATEST_DAYS = 30
"""Days after which every report, withdrawals included, has arrived."""

_WEEK_DAYS = 7.0
_WITHDRAWN_WITHIN_DAYS = 5.0
_DAYS_UNTIL_NOTICED = 2.0


class ReportsFeed:
    """Makes the feed's files day by day; days must come in order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._post = Post()

    def file(self, payments: Payments, ids: pa.Array, day: int) -> list[Arrival]:
        """The reports that come in on a day, in order of time; those of the day's payments are noted for later."""
        rng = generator(self._world.seed, Stream.REPORTS, day)
        midnight = self._world.midnight(day)
        frauds = np.flatnonzero(payments.is_fraud)
        for row, delay in zip(frauds.tolist(), self._delays(rng, len(frauds)).tolist(), strict=True):
            if delay >= 0:
                self._report(ids[row].as_py(), midnight + int(payments.second[row]) + delay, is_fraud=True, rng=rng)
        mistaken = np.flatnonzero(~payments.is_fraud & (rng.random(len(payments)) < self._world.withdrawn_report_rate))
        for row in mistaken.tolist():
            reported = midnight + int(payments.second[row]) + int(rng.uniform(1, _WEEK_DAYS) * SECONDS_PER_DAY)
            withdrawn = reported + int(rng.uniform(1, _WITHDRAWN_WITHIN_DAYS) * SECONDS_PER_DAY)
            self._report(ids[row].as_py(), reported, is_fraud=True, rng=rng)
            self._report(ids[row].as_py(), withdrawn, is_fraud=False, rng=rng)
        return sorted(self._post.arriving(day), key=lambda arrival: arrival.key)

    def _delays(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Seconds until frauds are reported, -1 for those that never are."""
        world = self._world
        draw = rng.random(size)
        soon = rng.exponential(_DAYS_UNTIL_NOTICED, size) % _WEEK_DAYS
        late = rng.uniform(_WEEK_DAYS, LATEST_DAYS, size)
        days = np.where(draw < world.report_within_week_share, soon, late)
        never = draw >= 1 - world.report_never_share
        return np.where(never, -1, (days * SECONDS_PER_DAY).astype(np.int64))

    def _report(self, transaction: str, reported_at: int, *, is_fraud: bool, rng: np.random.Generator) -> None:
        record = {
            "transaction_id": f'"{transaction}"',
            "is_fraud": "true" if is_fraud else "false",
            "reported_at": f'"{iso(reported_at)}"',
        }
        # The time comes first in the key, which makes it the order of the file.
        key = f"{iso(reported_at)} {transaction}"
        arrives = (reported_at - self._world.midnight(0)) // SECONDS_PER_DAY
        if rng.random() >= self._world.reference_dirt_rate:
            self._post.send(arrives, Arrival(text_of(record), key))
            return
        kind, outcome, spoilt = _spoilt(record, int(rng.integers(0, 4)))
        if outcome == DUPLICATE:
            self._post.send(arrives, Arrival(text_of(record), key))
        self._post.send(arrives, Arrival(text_of(spoilt), key, kind, outcome))
        if outcome == QUARANTINED:
            # Whoever sent it notices, and sends it right the next day.
            self._post.send(arrives + 1, Arrival(text_of(record), key))


def _spoilt(record: Record, pick: int) -> tuple[str, str, Record]:
    return (
        ("missing_id", QUARANTINED, {**record, "transaction_id": "null"}),
        ("bad_date", QUARANTINED, {**record, "reported_at": '"2025-13-45"'}),
        ("stray_text", ACCEPTED, {**record, "is_fraud": record["is_fraud"].upper().join('""')}),
        ("duplicate", DUPLICATE, record),
    )[pick]
