"""Thieves who pay as their victim does: the victim's usual amounts, hours, shops, channels and country.

They take the place of those who buy online what they want. Fraud at compromised terminals needs no mimicry, as it is an
ordinary payment in all but who made it; a burst of tests can't be made to look like one.
"""

import numpy as np

from local.simulate.payments import HIGH_RISK, LARGE, MIMICRY, ORDINARY, STOLEN, WATCHED, Payments
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator
from local.simulate.spending import ordinary_payments


class Mimicry:
    """Hides the frauds of some customers' thieves."""

    def __init__(self, population: Population) -> None:
        world = population.world
        self._population = population
        draw = generator(world.seed, Stream.CAREFUL_THIEVES).random(len(population.customers))
        self._has_careful_thieves = draw < world.strength("mimicry_share")

    def hide(self, payments: Payments, day: int) -> None:
        """Changes a day's payments in place."""
        could = np.isin(payments.mechanism, (STOLEN, LARGE, HIGH_RISK, WATCHED, ORDINARY))
        rows = np.flatnonzero(could & self._has_careful_thieves[payments.customer])
        rng = generator(self._population.world.seed, Stream.MIMICRY, day)
        usual = ordinary_payments(self._population, rng, payments.customer[rows], payments.account[rows])
        for name in ("second", "terminal", "cents", "channel"):
            getattr(payments, name)[rows] = getattr(usual, name)
        payments.mechanism[rows] = MIMICRY
