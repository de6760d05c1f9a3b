"""Which terminals each customer uses: the nearest ones, the nearer the more often."""

from dataclasses import dataclass

import numpy as np

from local.simulate.people import Customers, Floats, Ints
from local.simulate.places import distance_km
from local.simulate.shops import Terminals

NEAREST = 12
_HABIT_KM = 4.0
_CHUNK = 512


@dataclass
class Surroundings:
    """For each customer, terminals of one kind and the cumulative probability of using them.

    Both are arrays of shape (customers, NEAREST).
    """

    kind: int
    radius_km: float
    terminal: Ints
    cumulative: Floats

    def chosen(self, rng: np.random.Generator, customer: Ints) -> Ints:
        """A terminal for each customer of the array."""
        draw = rng.random(len(customer))
        position = (draw[:, None] >= self.cumulative[customer]).sum(axis=1).clip(max=NEAREST - 1)
        terminal: Ints = self.terminal[customer, position]
        return terminal

    def update(self, customers: Customers, terminals: Terminals, moved: Ints) -> None:
        """Finds the surroundings of the customers of the array again."""
        of_kind = np.flatnonzero(terminals.kind == self.kind)
        for place in np.unique(customers.place[moved]):
            near = of_kind[terminals.place[of_kind] == place]
            candidates = near if len(near) >= NEAREST else of_kind
            here = moved[customers.place[moved] == place]
            for start in range(0, len(here), _CHUNK):
                self._update(customers, terminals, here[start : start + _CHUNK], candidates)

    def _update(self, customers: Customers, terminals: Terminals, some: Ints, candidates: Ints) -> None:
        distance = distance_km(
            customers.latitude[some, None],
            customers.longitude[some, None],
            terminals.latitude[candidates],
            terminals.longitude[candidates],
        )
        order = _smallest(distance)
        nearest = np.take_along_axis(distance, order, axis=1)
        weight = np.exp(-nearest / _HABIT_KM) * (nearest <= self.radius_km)
        # Whoever has nothing within the radius goes to the nearest one.
        weight[:, 0] = np.where(weight.sum(axis=1) > 0, weight[:, 0], 1.0)
        cumulative = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        found = order.shape[1]
        self.terminal[some] = candidates[order[:, :1]]
        self.terminal[some, :found] = candidates[order]
        self.cumulative[some] = 1.0
        self.cumulative[some, :found] = cumulative


def _smallest(distance: Floats) -> Ints:
    """Positions of the NEAREST smallest of each row, in ascending order."""
    some = distance.argpartition(NEAREST - 1, axis=1)[:, :NEAREST] if distance.shape[1] > NEAREST else None
    if some is None:
        return distance.argsort(axis=1, kind="stable")
    within = np.take_along_axis(distance, some, axis=1).argsort(axis=1, kind="stable")
    return np.take_along_axis(some, within, axis=1)


def surroundings_of(customers: Customers, terminals: Terminals, kind: int, radius_km: float) -> Surroundings:
    """The surroundings of all customers in terminals of one kind."""
    shape = (len(customers), NEAREST)
    result = Surroundings(kind, radius_km, np.zeros(shape, np.int64), np.ones(shape))
    result.update(customers, terminals, np.arange(len(customers)))
    return result
