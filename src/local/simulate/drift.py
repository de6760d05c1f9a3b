"""Fraud that moves away from its first ways, day by day, by as much as `World.drifted` says.

Thieves of card details pay less (`drifted_times`); terminals stay compromised for fewer days, and more of them are, so
that there is as much fraud as before; and purchases leave the shops that rules watch for ordinary ones, which nobody
did on the first day.
"""

import numpy as np

from local.simulate.affected import Affected
from local.simulate.payments import COMPROMISED, GENUINE, HIGH_RISK, ORDINARY, WATCHED, Payments
from local.simulate.people import Floats, Ints
from local.simulate.population import Population
from local.simulate.randomness import Stream, generator


def drifted_times(times: Floats, drifted: float) -> Floats:
    """How many times the usual amount a thief pays, nearer to 1 the further fraud has drifted (0 to 1)."""
    nearer: Floats = times ** (1 - drifted)
    return nearer


class Drift:
    """Moves the frauds of a population's days."""

    def __init__(self, population: Population, terminals: Affected) -> None:
        world = population.world
        self._population, self._terminals = population, terminals
        self._further = Affected(
            world.seed,
            Stream.FURTHER_TERMINALS,
            population.compromisable,
            share=world.compromised_terminal_share,
            days=world.compromised_terminal_days,
            times=lambda day: world.compromised_terminal_days / self._lasting(day) - 1,
        )

    def move(self, payments: Payments, day: int) -> None:
        """Changes a day's payments in place."""
        world = self._population.world
        drifted = world.drifted(day)
        if not drifted:
            return
        rng = generator(world.seed, Stream.DRIFT, day)
        self._change_terminals(payments, day, rng.random(len(payments)) < world.compromised_terminal_fraud_share)
        of_shops = np.isin(payments.mechanism, (HIGH_RISK, WATCHED))
        rows = np.flatnonzero(of_shops & (rng.random(len(payments)) < drifted))
        payments.terminal[rows] = self._population.ordinary_shops.chosen(rng, len(rows))
        payments.mechanism[rows] = ORDINARY

    def _lasting(self, day: int) -> int:
        """For how many days a terminal stays compromised that was so first on that day."""
        world = self._population.world
        return max(round(world.compromised_terminal_days * (1 - world.drifted(day))), 1)

    def _change_terminals(self, payments: Payments, day: int, used: np.ndarray) -> None:
        still = self._at(payments, self._terminals.on(day, self._lasting))
        further = self._at(payments, self._further.on(day, self._lasting))
        mechanism = payments.mechanism
        mechanism[(mechanism == COMPROMISED) & ~still] = GENUINE
        mechanism[(mechanism == GENUINE) & further & used] = COMPROMISED

    def _at(self, payments: Payments, terminals: Ints) -> np.ndarray:
        is_one = np.zeros(len(self._population.terminals), np.bool_)
        is_one[terminals] = True
        at_one: np.ndarray = is_one[payments.terminal]
        return at_one
