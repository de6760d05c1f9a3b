"""Merchants and their terminals: banks with cash machines, shops on the street, web shops near and far."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.simulate.names import POOL_SIZE
from local.simulate.people import CITY_SPREAD_KM, Floats, Ints, long_ago
from local.simulate.places import places
from local.simulate.randomness import Stream, generator
from local.simulate.settings import World

POS, WEB, ATM = 0, 1, 2
"""Kinds of merchant and terminal: point of sale, web shop, cash machine."""

STREET_CATEGORIES = ("5411", "5812", "5541", "5912", "5651", "5814", "7230", "5942", "5732", "5200")
WEB_CATEGORIES = ("5964", "5815", "5732", "5651", "4722", "7995", "5967", "5999")
BANK_CATEGORY = "6011"
RISKS = ("low", "medium", "high")

_BANK_SHARE, _WEB_SHARE, _HIGH_RISK_SHARE, _WATCHLIST_SHARE = 0.04, 0.30, 0.04, 0.02


@dataclass
class Merchants:
    """Columns over merchants."""

    kind: Ints
    place: Ints
    company: Ints
    category: tuple[str, ...]
    risk: Ints
    is_watchlisted: NDArray[np.bool_]
    is_high_risk_country: NDArray[np.bool_]
    popularity: Floats
    changed_at: Ints

    def __len__(self) -> int:
        return len(self.kind)


@dataclass
class Terminals:
    """Columns over terminals; web check-outs are where their shop is registered."""

    merchant: Ints
    kind: Ints
    place: Ints
    latitude: Floats
    longitude: Floats
    changed_at: Ints

    def __len__(self) -> int:
        return len(self.merchant)


def merchants_of(world: World) -> Merchants:
    """The merchants on the first day; some web shops are in high-risk countries, others on the watchlist."""
    rng = generator(world.seed, Stream.MERCHANTS)
    n = world.merchants
    banks, web = max(1, int(n * _BANK_SHARE)), max(6, int(n * _WEB_SHARE))
    kind = np.full(n, POS, np.int64)
    kind[:banks], kind[banks : banks + web] = ATM, WEB
    place = places().chosen(rng, n)
    far = np.zeros(n, np.bool_)
    far[banks : banks + max(2, int(n * _HIGH_RISK_SHARE))] = True
    place[far] = rng.choice(np.flatnonzero(places().is_high_risk), int(far.sum()))
    watched = np.zeros(n, np.bool_)
    watched[banks + int(far.sum()) :][: max(2, int(n * _WATCHLIST_SHARE))] = True
    risk = rng.choice(3, n, p=[0.75, 0.2, 0.05])
    risk[far | watched] = 2
    street, online = rng.choice(STREET_CATEGORIES, n), rng.choice(WEB_CATEGORIES, n)
    category = np.select([kind == ATM, kind == WEB], [np.full(n, BANK_CATEGORY), online], street)
    return Merchants(
        kind=kind,
        place=place,
        company=rng.integers(0, POOL_SIZE, n),
        category=tuple(category.tolist()),
        risk=risk,
        is_watchlisted=watched,
        is_high_risk_country=far,
        popularity=rng.pareto(1.5, n) + 0.2,
        changed_at=long_ago(rng, world, n),
    )


def terminals_of(world: World, merchants: Merchants) -> Terminals:
    """The terminals on the first day: one a merchant, the rest among street shops and banks."""
    rng = generator(world.seed, Stream.TERMINALS)
    extra = world.terminals - len(merchants)
    weight = np.select([merchants.kind == WEB, merchants.kind == ATM], [0.0, 8.0], 1.0)
    more = rng.choice(len(merchants), extra, p=weight / weight.sum())
    merchant = np.concatenate([np.arange(len(merchants)), more])
    place = merchants.place[merchant]
    # Chains and banks are everywhere: their further terminals are where people are.
    place[len(merchants) :] = places().chosen(rng, extra)
    latitude, longitude = places().around(rng, place, CITY_SPREAD_KM)
    return Terminals(
        merchant=merchant,
        kind=merchants.kind[merchant],
        place=place,
        latitude=latitude,
        longitude=longitude,
        changed_at=long_ago(rng, world, len(merchant)),
    )
