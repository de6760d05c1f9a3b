"""The payments of one day as columns."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from local.simulate.people import Ints

CHANNELS = ("card_present", "online", "atm")
CARD_PRESENT, ONLINE, AT_ATM = range(3)

MECHANISMS = (
    "genuine",
    "compromised_terminal",
    "stolen_card",
    "large_amount",
    "test_burst",
    "high_risk_country",
    "watchlisted_merchant",
    "ordinary_shop",
    "mimicry",
)
GENUINE, COMPROMISED, STOLEN, LARGE, BURST, HIGH_RISK, WATCHED, ORDINARY, MIMICRY = range(9)


@dataclass
class Payments:
    """Columns over the payments of a day.

    `second` counts from midnight UTC, `cents` are hundredths of the account's currency, `channel` and `mechanism`
    are places in CHANNELS and MECHANISMS; customer, account and terminal are numbers in the population.
    """

    second: Ints
    customer: Ints
    account: Ints
    terminal: Ints
    cents: Ints
    channel: Ints
    mechanism: Ints

    def __len__(self) -> int:
        return len(self.second)

    @property
    def is_fraud(self) -> NDArray[np.bool_]:
        """Which payments are frauds."""
        fraud: NDArray[np.bool_] = self.mechanism != GENUINE
        return fraud

    def in_order_of_time(self) -> "Payments":
        """The same payments, sorted by time."""
        order = np.argsort(self.second, kind="stable")
        return Payments(*(getattr(self, each.name)[order] for each in fields(self)))

    def followed_by(self, other: "Payments") -> "Payments":
        """These payments and the others."""
        return Payments(*(np.concatenate([getattr(self, e.name), getattr(other, e.name)]) for e in fields(self)))
