"""What people buy on a day: how often, where, for how much and when is each person's own."""

import numpy as np

from local.simulate.payments import AT_ATM, CARD_PRESENT, GENUINE, ONLINE, Payments
from local.simulate.people import SECONDS_PER_DAY, Floats, Ints
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator

AMOUNT_SIGMA = 0.55
"""Deviation of the logarithm of one person's amounts."""

_LARGEST_ORDINARY_EUR = 15_000.0
_WEEKDAY = (0.92, 0.95, 0.97, 1.0, 1.08, 1.12, 0.96)
_HOURS_SIGMA = 3.0
_ONLINE_HOURS_LATER = 3.0
_SECOND_ACCOUNT_SHARE = 0.3


def genuine_payments(population: Population, day: int) -> Payments:
    """The payments that people make themselves on a day, in no particular order."""
    world = population.world
    rng = generator(world.seed, Stream.SPENDING, day)
    weekday = _WEEKDAY[world.day(day).weekday()]
    count = rng.poisson(population.customers.daily_rate * weekday)
    customer = np.repeat(np.arange(len(count)), count)
    n = len(customer)
    account = np.where(
        rng.random(n) < _SECOND_ACCOUNT_SHARE,
        population.accounts.second_of[customer],
        population.accounts.first_of[customer],
    )
    return ordinary_payments(population, rng, customer, account)


def ordinary_payments(population: Population, rng: np.random.Generator, customer: Ints, account: Ints) -> Payments:
    """Payments as these customers usually make them: one for each of the arrays' rows, on any day."""
    n = len(customer)
    world = population.world
    kind = rng.random(n)
    online = kind < world.online_share
    at_atm = ~online & (kind < world.online_share + world.atm_share)
    channel = np.select([online, at_atm], [ONLINE, AT_ATM], CARD_PRESENT)
    cents = ordinary_cents(population, rng, customer, account)
    cents[at_atm] = _in_notes(cents[at_atm], population.accounts.units_per_eur[account[at_atm]])
    return Payments(
        second=_times(population, rng, customer, online),
        customer=customer,
        account=account,
        terminal=_terminals(population, rng, customer, online, at_atm),
        cents=cents,
        channel=channel,
        mechanism=np.full(n, GENUINE, np.int64),
    )


def ordinary_cents(population: Population, rng: np.random.Generator, customer: Ints, account: Ints) -> Ints:
    """Amounts as these customers usually spend: log-normal about each one's mean, in the account's cents."""
    mean = population.customers.amount_eur_mean[customer]
    euro = mean * np.exp(rng.normal(-(AMOUNT_SIGMA**2) / 2, AMOUNT_SIGMA, len(customer)))
    return to_cents(euro.clip(0.5, _LARGEST_ORDINARY_EUR), population.accounts.units_per_eur[account])


def to_cents(euro: Floats, units_per_eur: Floats) -> Ints:
    """Amounts in euro as whole cents of a currency."""
    cents: Ints = np.rint(euro * units_per_eur * 100).astype(np.int64)
    return cents


def _in_notes(cents: Ints, units_per_eur: Floats) -> Ints:
    note = np.where(units_per_eur < 2, 1_000, 10_000)
    rounded: Ints = np.maximum(np.rint(cents / note).astype(np.int64), 1) * note
    return rounded


def _times(population: Population, rng: np.random.Generator, customer: Ints, online: np.ndarray) -> Ints:
    hour = population.customers.usual_hour[customer] + online * _ONLINE_HOURS_LATER
    second: Ints = (rng.normal(hour, _HOURS_SIGMA) * 3600).astype(np.int64) % SECONDS_PER_DAY
    return second


def _terminals(
    population: Population, rng: np.random.Generator, customer: Ints, online: np.ndarray, at_atm: np.ndarray
) -> Ints:
    terminal = np.empty(len(customer), np.int64)
    terminal[online] = population.ordinary_shops.chosen(rng, int(online.sum()))
    terminal[at_atm] = population.near_atm.chosen(rng, customer[at_atm])
    in_shop = np.flatnonzero(~online & ~at_atm)
    terminal[in_shop] = population.near_pos.chosen(rng, customer[in_shop])
    travelling = in_shop[rng.random(len(in_shop)) < population.world.travel_share]
    terminal[travelling] = rng.choice(population.pos_terminals, len(travelling))
    return terminal
