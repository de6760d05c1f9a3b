"""Random numbers that depend on nothing but the seed, the day and what they are for.

Any day can be made without those before it, which is what makes a world resumable (`numpy.random.SeedSequence`).
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for; a new stream leaves the others as they were."""

    PEOPLE = 1
    MERCHANTS = 2
    TERMINALS = 3
    ACCOUNTS = 4
    SPENDING = 10
    FRAUD = 11
    BURSTS = 12
    COMPROMISED_TERMINALS = 13
    STOLEN_CARDS = 14
    REPORTS = 15
    DRIFT = 16
    FURTHER_TERMINALS = 17
    CAREFUL_THIEVES = 18
    MIMICRY = 19
    CHANGES = 20
    REFERENCE_DIRT = 21
    TRANSACTION_DIRT = 30
    FRIENDLY_FRAUD = 40
    UNREPORTED = 41


_BEFORE_THE_FIRST_DAY = 100_000


def generator(seed: int, stream: Stream, day: int = 0) -> np.random.Generator:
    """The generator of one stream and day; days before the first have negative numbers."""
    entropy = np.random.SeedSequence((seed, int(stream), day + _BEFORE_THE_FIRST_DAY))
    return np.random.Generator(np.random.PCG64(entropy))
