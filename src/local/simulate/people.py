"""Customers and their accounts: who they are, where they live, how they spend. What changes is changed in place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.simulate.names import POOL_SIZE
from local.simulate.places import COUNTRIES, places
from local.simulate.randomness import Stream, generator
from local.simulate.settings import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SECONDS_PER_DAY = 86_400
CITY_SPREAD_KM = 6.0
_OLDEST_CHANGE_DAYS = 3 * 365


@dataclass
class Customers:
    """Columns over customers; `first_name`, `last_name`, ... are places in the name pool of their country."""

    place: Ints
    latitude: Floats
    longitude: Floats
    first_name: Ints
    last_name: Ints
    name_style: Ints
    phone: Ints
    birth_day: Ints
    street: Ints
    house_number: Ints
    flat: Ints
    postal_code: Ints
    loyalty_tier: Ints
    email_version: Ints
    changed_at: Ints
    daily_rate: Floats
    amount_eur_mean: Floats
    usual_hour: Floats

    def __len__(self) -> int:
        return len(self.place)


@dataclass
class Accounts:
    """Columns over accounts; `first_of` and `second_of` are a customer's accounts (the same one where there is one)."""

    customer: Ints
    currency: tuple[str, ...]
    units_per_eur: Floats
    limit_units: Ints
    balance_cents: Ints
    changed_at: Ints
    first_of: Ints
    second_of: Ints

    def __len__(self) -> int:
        return len(self.customer)


def customers_of(world: World) -> Customers:
    """The customers on the first day."""
    rng = generator(world.seed, Stream.PEOPLE)
    n = world.customers
    place = places().chosen(rng, n)
    latitude, longitude = places().around(rng, place, CITY_SPREAD_KM)
    # Means of people's amounts and of their counts are skewed: few spend much, many little.
    amount = rng.gamma(2.5, world.amount_eur_mean / 2.5, n).clip(world.amount_eur_mean / 10)
    return Customers(
        place=place,
        latitude=latitude,
        longitude=longitude,
        first_name=rng.integers(0, POOL_SIZE, n),
        last_name=rng.integers(0, POOL_SIZE, n),
        name_style=rng.choice(4, n, p=[0.9, 0.05, 0.03, 0.02]),
        phone=rng.integers(0, POOL_SIZE, n),
        birth_day=rng.integers(-14_600, 13_000, n),
        street=rng.integers(0, POOL_SIZE, n),
        house_number=rng.integers(1, 200, n),
        flat=np.where(rng.random(n) < 0.1, rng.integers(1, 40, n), 0),
        postal_code=rng.integers(0, POOL_SIZE, n),
        loyalty_tier=rng.integers(0, 4, n),
        email_version=np.zeros(n, np.int64),
        changed_at=long_ago(rng, world, n),
        daily_rate=rng.gamma(3.0, world.transactions_per_customer_day / 3.0, n),
        amount_eur_mean=amount,
        usual_hour=rng.normal(14.0, 2.5, n),
    )


def accounts_of(world: World, customers: Customers) -> Accounts:
    """The accounts on the first day: one for each customer, and a second one for some."""
    rng = generator(world.seed, Stream.ACCOUNTS)
    n = len(customers)
    second = np.flatnonzero(rng.random(n) < world.accounts_per_customer - 1.0)
    customer = np.concatenate([np.arange(n), second])
    codes = [places().country[place] for place in customers.place]
    units = np.array([COUNTRIES[codes[c]].units_per_eur for c in customer])
    second_of = np.arange(n)
    second_of[second] = n + np.arange(len(second))
    limit = (rng.integers(2, 20, len(customer)) * 500 * units / 100).astype(np.int64) * 100
    return Accounts(
        customer=customer,
        currency=tuple(COUNTRIES[codes[c]].currency for c in customer),
        units_per_eur=units,
        limit_units=limit.clip(100),
        balance_cents=(limit * 100 * rng.random(len(customer))).astype(np.int64),
        changed_at=long_ago(rng, world, len(customer)),
        first_of=np.arange(n),
        second_of=second_of,
    )


def long_ago(rng: np.random.Generator, world: World, size: int) -> Ints:
    ago: Ints = rng.integers(0, _OLDEST_CHANGE_DAYS * SECONDS_PER_DAY, size)
    return world.midnight(0) - ago
