"""The transactions feed: a day's payments, its dirt, and what earlier days still owed."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from local.simulate.arrivals import ACCEPTED, DUPLICATE, Arrival, Dirt, Post
from local.simulate.payments import Payments
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator
from local.simulate.settings import DIRT_RATES
from local.simulate.transaction_dirt import SPOILINGS, sent_again
from local.simulate.transaction_lines import TransactionWriter, bytes_of, text_of

KINDS = tuple(rate.removesuffix("_rate") for rate in DIRT_RATES)
LATEST_DAYS = 5
"""Days after which a late record has arrived."""

_REPEATED_WITHIN_DAYS = 3


@dataclass(frozen=True)
class DayOfTransactions:
    """A day's file: its content, how many records are in it, and the dirt among them."""

    content: bytes
    records: int
    dirt: list[Dirt]


class TransactionFeed:
    """Makes the feed's files day by day; days must come in order."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._writer = TransactionWriter(population)
        self._post = Post()
        world = population.world
        self._shares = np.cumsum([getattr(world, rate) for rate in DIRT_RATES])

    def ids(self, payments: Payments, day: int) -> pa.Array:
        """The ids of a day's payments."""
        return self._writer.ids(payments, day)

    def file(self, payments: Payments, ids: pa.Array, day: int, name: str) -> DayOfTransactions:
        """The file of a day: its payments in order of time, then what arrives late or again."""
        rng = generator(self._population.world.seed, Stream.TRANSACTION_DIRT, day)
        kind_of = np.searchsorted(self._shares, rng.random(len(payments)), side="right")
        rows = np.flatnonzero(kind_of < len(KINDS))
        picks = rng.integers(0, 2**31, len(rows))
        replaced: dict[int, Arrival | None] = {}
        records = self._writer.records(payments, ids, day, rows)
        for row, kind, pick, record in zip(rows.tolist(), kind_of[rows].tolist(), picks.tolist(), records, strict=True):
            key, name_of_kind = record["id"].strip('"'), KINDS[kind]
            if name_of_kind == "late":
                replaced[row] = None
                late = Arrival(text_of(record), key, name_of_kind, ACCEPTED)
                self._post.send(day + 1 + pick % LATEST_DAYS, late)
            elif name_of_kind in ("duplicate", "resend"):
                text = text_of(record) if name_of_kind == "duplicate" else sent_again(record, pick)
                # Half of them come in the same file, the others in one of the next.
                later = 0 if pick % 2 else 1 + pick // 2 % _REPEATED_WITHIN_DAYS
                self._post.send(day + later, Arrival(text, key, name_of_kind, DUPLICATE))
            else:
                spoiling = SPOILINGS[name_of_kind]
                replaced[row] = Arrival(spoiling.line(record, pick), key, name_of_kind, spoiling.outcome)
        lines = self._writer.lines(payments, ids, day)
        return _put_together(name, lines, replaced, self._post.arriving(day))


def _put_together(
    name: str, lines: pa.Array, replaced: dict[int, Arrival | None], further: list[Arrival]
) -> DayOfTransactions:
    """The lines with some replaced or, where it is None, left out, and further ones behind them."""
    mask = np.zeros(len(lines), np.bool_)
    mask[list(replaced)] = True
    texts = pa.array([arrival.text if arrival else "" for arrival in replaced.values()], pa.string())
    content = bytes(bytes_of(pc.replace_with_mask(lines, mask, texts))) if len(lines) else b""
    dirt = []
    left_out = 0
    for row, arrival in replaced.items():
        if arrival is None:
            left_out += 1
        else:
            place = row + 1 - left_out
            dirt.append(Dirt("transactions", name, place, arrival.key, arrival.kind, arrival.outcome))
    own = len(lines) - left_out
    dirt += [Dirt("transactions", name, own + n, a.key, a.kind, a.outcome) for n, a in enumerate(further, start=1)]
    return DayOfTransactions(content + "".join(a.text for a in further).encode(), own + len(further), dirt)
