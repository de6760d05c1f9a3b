"""Fraud put into a day's payments, each with the mechanism that made it.

Two mechanisms last for days, as in the Fraud Detection Handbook's simulator (its scenarios 2 and 3): terminals that
are compromised and customers whose card details are stolen. The others are done within the day. What makes fraud harder
to see comes afterwards: `drift.py`, `mimicry.py`.
"""

import numpy as np

from local.simulate.affected import Affected
from local.simulate.drift import Drift, drifted_times
from local.simulate.mimicry import Mimicry
from local.simulate.payments import (
    BURST,
    COMPROMISED,
    GENUINE,
    HIGH_RISK,
    LARGE,
    ONLINE,
    STOLEN,
    WATCHED,
    Payments,
)
from local.simulate.people import SECONDS_PER_DAY, Ints
from local.simulate.population import Population, WebShops
from local.simulate.randomness import Stream, generator
from local.simulate.spending import ordinary_cents, to_cents

_BURST_TESTS = (4, 8)
_BURST_SECONDS = 3600
_STOLEN_TIMES_MEAN = (4.0, 12.0)
_LARGE_EUR = (33_000.0, 70_000.0)


class Fraudsters:
    """All that goes wrong in one population."""

    def __init__(self, population: Population) -> None:
        world = population.world
        self._population = population
        terminals = Affected(
            world.seed,
            Stream.COMPROMISED_TERMINALS,
            population.compromisable,
            share=world.compromised_terminal_share,
            days=world.compromised_terminal_days,
        )
        self._victims = Affected(
            world.seed,
            Stream.STOLEN_CARDS,
            np.arange(len(population.customers)),
            share=world.stolen_card_share,
            days=world.stolen_card_days,
        )
        self._terminals = terminals
        self._drift = Drift(population, terminals)
        self._mimicry = Mimicry(population)

    def strike(self, payments: Payments, day: int) -> Payments:
        """The day's payments with the frauds among them, in order of time.

        Difficulties change what is there already, by random numbers of their own: nothing else is another for them.
        """
        rng = generator(self._population.world.seed, Stream.FRAUD, day)
        self._use_compromised_terminals(payments, day, rng)
        self._use_stolen_cards(payments, day, rng)
        self._use_cards_once(payments, rng)
        bursts = self._bursts(payments, day)
        self._drift.move(payments, day)
        self._mimicry.hide(payments, day)
        return payments.followed_by(bursts).in_order_of_time()

    def _use_compromised_terminals(self, payments: Payments, day: int, rng: np.random.Generator) -> None:
        is_compromised = np.zeros(len(self._population.terminals), np.bool_)
        is_compromised[self._terminals.on(day)] = True
        share = self._population.world.compromised_terminal_fraud_share
        payments.mechanism[is_compromised[payments.terminal] & (rng.random(len(payments)) < share)] = COMPROMISED

    def _use_stolen_cards(self, payments: Payments, day: int, rng: np.random.Generator) -> None:
        is_victim = np.zeros(len(self._population.customers), np.bool_)
        is_victim[self._victims.on(day)] = True
        share = self._population.world.stolen_card_fraud_share
        draw = rng.random(len(payments))
        rows = np.flatnonzero(is_victim[payments.customer] & (draw < share) & (payments.mechanism == GENUINE))
        times = drifted_times(rng.uniform(*_STOLEN_TIMES_MEAN, len(rows)), self._population.world.drifted(day))
        self._buy_online(payments, rows, self._population.ordinary_shops, rng)
        payments.cents[rows] = self._cents(payments, rows, self._mean_eur(payments, rows) * times)
        payments.mechanism[rows] = STOLEN

    def _use_cards_once(self, payments: Payments, rng: np.random.Generator) -> None:
        world, shops = self._population.world, self._population
        draw = rng.random(len(payments))
        genuine = payments.mechanism == GENUINE
        low = 0.0
        for rate, mechanism, where, is_large in (
            (world.large_amount_rate, LARGE, shops.ordinary_shops, True),
            (world.high_risk_country_rate, HIGH_RISK, shops.high_risk_shops, False),
            (world.watchlisted_merchant_rate, WATCHED, shops.watched_shops, False),
            (world.genuine_large_rate, GENUINE, shops.ordinary_shops, True),
            (world.genuine_high_risk_rate, GENUINE, shops.high_risk_shops, False),
            (world.genuine_watchlist_rate, GENUINE, shops.watched_shops, False),
        ):
            rows = np.flatnonzero(genuine & (draw >= low) & (draw < low + rate))
            low += rate
            second = payments.second[rows]
            self._buy_online(payments, rows, where, rng)
            if is_large:
                payments.cents[rows] = self._cents(payments, rows, rng.uniform(*_LARGE_EUR, len(rows)))
            if mechanism == GENUINE:
                payments.second[rows] = second
            payments.mechanism[rows] = mechanism

    def _bursts(self, payments: Payments, day: int) -> Payments:
        population = self._population
        rng = generator(population.world.seed, Stream.BURSTS, day)
        bursts = int(rng.poisson(population.world.test_burst_rate * len(payments)))
        victim = rng.integers(0, len(population.customers), bursts)
        tests = rng.integers(_BURST_TESTS[0], _BURST_TESTS[1] + 1, bursts)
        burst = np.repeat(np.arange(bursts), tests + 1)
        is_last = np.append(np.diff(burst) != 0, True)[: len(burst)]
        n = len(burst)
        customer = victim[burst]
        account = population.accounts.first_of[customer]
        start = rng.integers(0, SECONDS_PER_DAY - 2 * _BURST_SECONDS, bursts)[burst]
        # The large one comes after all the tests, within the hour that follows theirs.
        second = start + rng.integers(0, _BURST_SECONDS, n) + is_last * _BURST_SECONDS
        euro = np.where(is_last, rng.uniform(300.0, 1500.0, n), rng.uniform(0.5, 2.5, n))
        return Payments(
            second=second,
            customer=customer,
            account=account,
            terminal=population.ordinary_shops.chosen(rng, n),
            cents=to_cents(euro, population.accounts.units_per_eur[account]),
            channel=np.full(n, ONLINE, np.int64),
            mechanism=np.full(n, BURST, np.int64),
        )

    def _buy_online(self, payments: Payments, rows: Ints, where: WebShops, rng: np.random.Generator) -> None:
        if not len(rows):
            return
        payments.channel[rows] = ONLINE
        payments.terminal[rows] = where.chosen(rng, len(rows))
        payments.second[rows] = rng.integers(0, SECONDS_PER_DAY, len(rows))
        payments.cents[rows] = ordinary_cents(self._population, rng, payments.customer[rows], payments.account[rows])

    def _mean_eur(self, payments: Payments, rows: Ints) -> np.ndarray:
        return self._population.customers.amount_eur_mean[payments.customer[rows]]

    def _cents(self, payments: Payments, rows: Ints, euro: np.ndarray) -> Ints:
        return to_cents(euro, self._population.accounts.units_per_eur[payments.account[rows]])
