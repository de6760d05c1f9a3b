"""Everybody and everything that is in the world on a day, and who may be chosen for what."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from local.simulate.people import Accounts, Customers, Floats, Ints, accounts_of, customers_of
from local.simulate.settings import World
from local.simulate.shops import ATM, POS, WEB, Merchants, Terminals, merchants_of, terminals_of
from local.simulate.surroundings import Surroundings, surroundings_of


@dataclass(frozen=True)
class WebShops:
    """Terminals of web shops, with the cumulative probability of buying there."""

    terminal: Ints
    cumulative: Floats

    def chosen(self, rng: np.random.Generator, size: int) -> Ints:
        """A terminal for each of that many purchases; there must be one to choose."""
        position = np.searchsorted(self.cumulative, rng.random(size), side="right")
        terminal: Ints = self.terminal[position.clip(max=len(self.terminal) - 1)]
        return terminal


@dataclass
class Population:
    """The world's people, shops and terminals as they are on the day that was simulated last."""

    world: World
    customers: Customers
    accounts: Accounts
    merchants: Merchants
    terminals: Terminals
    near_pos: Surroundings
    near_atm: Surroundings

    @cached_property
    def pos_terminals(self) -> Ints:
        """All points of sale."""
        return np.flatnonzero(self.terminals.kind == POS)

    @cached_property
    def compromisable(self) -> Ints:
        """Terminals where a skimmer can be put."""
        return np.flatnonzero(self.terminals.kind != WEB)

    @cached_property
    def ordinary_shops(self) -> WebShops:
        """Web shops that are neither watched nor in a high-risk country."""
        return self._shops(~self.merchants.is_watchlisted & ~self.merchants.is_high_risk_country)

    @cached_property
    def watched_shops(self) -> WebShops:
        """Web shops on the watchlist, outside high-risk countries."""
        return self._shops(self.merchants.is_watchlisted & ~self.merchants.is_high_risk_country)

    @cached_property
    def high_risk_shops(self) -> WebShops:
        """Web shops in high-risk countries."""
        return self._shops(self.merchants.is_high_risk_country)

    def watchlist_changed(self) -> None:
        """Call it when a merchant was put on or taken off the watchlist."""
        for name in ("ordinary_shops", "watched_shops"):
            self.__dict__.pop(name, None)

    def _shops(self, wanted: np.ndarray) -> WebShops:
        terminal = np.flatnonzero((self.terminals.kind == WEB) & wanted[self.terminals.merchant])
        popularity = self.merchants.popularity[self.terminals.merchant[terminal]]
        return WebShops(terminal, np.cumsum(popularity) / popularity.sum())


def population_of(world: World) -> Population:
    """The population on the first day; the same settings give the same one."""
    customers = customers_of(world)
    merchants = merchants_of(world)
    terminals = terminals_of(world, merchants)
    return Population(
        world=world,
        customers=customers,
        accounts=accounts_of(world, customers),
        merchants=merchants,
        terminals=terminals,
        near_pos=surroundings_of(customers, terminals, POS, world.radius_km),
        near_atm=surroundings_of(customers, terminals, ATM, world.radius_km),
    )
