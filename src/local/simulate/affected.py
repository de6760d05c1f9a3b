"""Those whom a mechanism of several days affects: each day it begins with some, and stays with them for days."""

from collections.abc import Callable

import numpy as np

from local.simulate.people import Ints
from local.simulate.randomness import Stream, generator


def begun(seed: int, stream: Stream, day: int, candidates: Ints, mean: float) -> Ints:
    """Which of the candidates a mechanism begins with on a day; `mean` is the expected number."""
    rng = generator(seed, stream, day)
    size = min(int(rng.poisson(mean)), len(candidates))
    chosen: Ints = rng.choice(candidates, size, replace=False)
    return chosen


class Affected:
    """Those whom a mechanism affects, day by day.

    Args:
        seed: of the world.
        stream: of the random numbers.
        candidates: whom it may affect.
        share: of the candidates that is affected at any time.
        days: how long it stays with each, at most.
        times: by the day, how many times as many it begins with as `share` needs.

    """

    def __init__(
        self,
        seed: int,
        stream: Stream,
        candidates: Ints,
        *,
        share: float,
        days: int,
        times: Callable[[int], float] = lambda _: 1.0,
    ) -> None:
        self._seed, self._stream, self._candidates, self._days = seed, stream, candidates, days
        self._mean_a_day = share * len(candidates) / days
        self._times = times
        self._begun: dict[int, Ints] = {}

    def on(self, day: int, lasting: Callable[[int], int] | None = None) -> Ints:
        """Those affected on a day: by what began on it or less than `days` before.

        `lasting`: by the day on which it began, for how many days it stays; at most `days`, which is the default.
        """
        window = range(day - self._days + 1, day + 1)
        self._begun = {
            d: self._begun[d]
            if d in self._begun
            else begun(self._seed, self._stream, d, self._candidates, self._mean_a_day * self._times(d))
            for d in window
        }
        return np.unique(
            np.concatenate([some for d, some in self._begun.items() if not lasting or day - d < lasting(d)])
        )
