"""What changes in the world from one day to the next: people move, shops become risky, balances go up and down."""

from dataclasses import dataclass

import numpy as np

from local.simulate.names import POOL_SIZE
from local.simulate.people import CITY_SPREAD_KM, SECONDS_PER_DAY, Ints
from local.simulate.places import places
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator
from local.simulate.shops import WEB

ENTITIES = ("customers", "accounts", "merchants", "terminals")


@dataclass(frozen=True)
class Changes:
    """For each entity, who changed on a day and whose record is sent again unchanged."""

    changed: dict[str, Ints]
    sent_again: dict[str, Ints]


def first_day(population: Population) -> Changes:
    """Everybody is new on the first day."""
    sizes = {entity: len(getattr(population, entity)) for entity in ENTITIES}
    nobody = np.array([], np.int64)
    return Changes({entity: np.arange(size) for entity, size in sizes.items()}, dict.fromkeys(ENTITIES, nobody))


def evolve(population: Population, day: int) -> Changes:
    """Brings the population from the day before to this day (in place), and says who changed."""
    rng = generator(population.world.seed, Stream.CHANGES, day)
    changed = {
        "customers": _customers(population, rng),
        "accounts": _accounts(population, rng),
        "merchants": _merchants(population, rng),
        "terminals": _terminals(population, rng),
    }
    sent_again = {}
    for entity, who in changed.items():
        things = getattr(population, entity)
        again = _some(rng, len(things), population.world.reference_resend_rate)
        sent_again[entity] = np.setdiff1d(again, who)
        things.changed_at[who] = population.world.midnight(day) + rng.integers(0, SECONDS_PER_DAY, len(who))
    return Changes(changed, sent_again)


def _some(rng: np.random.Generator, size: int, rate: float) -> Ints:
    return np.flatnonzero(rng.random(size) < rate)


def _customers(population: Population, rng: np.random.Generator) -> Ints:
    people = population.customers
    moved = _some(rng, len(people), population.world.customer_move_rate)
    renamed = _some(rng, len(people), population.world.customer_email_rate)
    if len(moved):
        people.place[moved] = [places().in_same_country(rng, int(place)) for place in people.place[moved]]
        people.latitude[moved], people.longitude[moved] = places().around(rng, people.place[moved], CITY_SPREAD_KM)
        people.street[moved] = rng.integers(0, POOL_SIZE, len(moved))
        people.postal_code[moved] = rng.integers(0, POOL_SIZE, len(moved))
        people.house_number[moved] = rng.integers(1, 200, len(moved))
        population.near_pos.update(people, population.terminals, moved)
        population.near_atm.update(people, population.terminals, moved)
    people.email_version[renamed] += 1
    return np.union1d(moved, renamed)


def _accounts(population: Population, rng: np.random.Generator) -> Ints:
    accounts, world = population.accounts, population.world
    booked = _some(rng, len(accounts), world.account_balance_rate)
    accounts.balance_cents[booked] = (accounts.limit_units[booked] * 100 * rng.random(len(booked))).astype(np.int64)
    limited = _some(rng, len(accounts), world.account_limit_rate)
    accounts.limit_units[limited] += np.rint(accounts.units_per_eur[limited]).astype(np.int64) * 500
    return np.union1d(booked, limited)


def _merchants(population: Population, rng: np.random.Generator) -> Ints:
    merchants, world = population.merchants, population.world
    rated = _some(rng, len(merchants), world.merchant_risk_rate)
    merchants.risk[rated] = (merchants.risk[rated] + rng.integers(1, 3, len(rated))) % 3
    shops = np.flatnonzero((merchants.kind == WEB) & ~merchants.is_high_risk_country)
    listed = shops[rng.random(len(shops)) < world.merchant_watchlist_rate]
    # One shop at each end stays what it is, so that there is always one on the list and one off it.
    listed = listed[(listed != shops[0]) & (listed != shops[-1])]
    if len(listed):
        merchants.is_watchlisted[listed] = ~merchants.is_watchlisted[listed]
        population.watchlist_changed()
    return np.union1d(rated, listed)


def _terminals(population: Population, rng: np.random.Generator) -> Ints:
    terminals = population.terminals
    on_site = population.compromisable
    moved = on_site[rng.random(len(on_site)) < population.world.terminal_move_rate]
    if len(moved):
        place = terminals.place[moved]
        terminals.latitude[moved], terminals.longitude[moved] = places().around(rng, place, CITY_SPREAD_KM)
        for near in (population.near_pos, population.near_atm):
            cities = place[terminals.kind[moved] == near.kind]
            neighbours = np.flatnonzero(np.isin(population.customers.place, cities))
            near.update(population.customers, terminals, neighbours)
    return moved
