"""The upper bound: a Bayes filter that knows how the simulator makes fraud, but no label before it is revealed.

It knows the mechanism of the Handbook's chapter 3.2, which no model does: amounts above 220 are fraud; every day some
terminals are compromised, for 28 days in which all payments there are fraud; every day some customers are compromised,
for 14 days in which a third of their payments has its amount times 5 and is fraud. Not known are who, and from when on.
A model clearly above this bound has seen the future.

Both filters are forward passes of a hidden Markov model: for each terminal or customer, the probability of being clean,
or compromised since 0, 1, 2 ... days. A compromised terminal rules out genuine payments. A compromised customer is seen
in the amounts, before labels arrive; what is usual for the customer follows from earlier amounts (`amounts.py`).
What is approximate: the two filters exchange their probabilities but not each other's hypotheses, and the customers'
filter takes labels by whole days.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.handbook.amounts import densities
from benchmarks.handbook.simulator import (
    CUSTOMER_DAYS,
    LARGE_CENTS,
    SHARE_RAISED,
    TERMINAL_DAYS,
)
from benchmarks.handbook.world import DELAY_DAYS
from common.features.timeline import DAY_MICROS, NEVER, Timeline

_FLOOR = 1e-30
_LEAST_CHANCE = 1e-6


@dataclass(frozen=True)
class Rates:
    """The chances that a terminal, and a customer, is compromised from a day on."""

    terminals: float
    customers: float


HANDBOOK_RATES = Rates(terminals=2 / 10_000, customers=3 / 5_000)


class Filter:
    """For each of `count` things, the probability of being clean (column 0) or compromised since 0, 1 ... days."""

    def __init__(self, count: int, days: int, chance: float) -> None:
        self.chance = chance
        self.state = np.zeros((count, days + 1))
        self.state[:, 0] = 1

    def a_day_later(self, state: np.ndarray) -> np.ndarray:
        """A state on the next day, before evidence of it."""
        later = np.empty_like(state)
        later[:, 0] = (state[:, 0] + state[:, -1]) * (1 - self.chance)
        later[:, 1] = self.chance
        later[:, 2:] = state[:, 1:-1] * (1 - self.chance)
        return later

    @staticmethod
    def weighed(state: np.ndarray, odds: np.ndarray) -> np.ndarray:
        """After evidence that is `odds` (one a row) times as likely where compromised as where clean."""
        new = state.copy()
        new[:, 1:] *= odds[:, None]
        new /= new.sum(axis=1, keepdims=True)
        new[:, 0] = np.maximum(new[:, 0], _FLOOR)
        return new


def bayes_scores(rows: pd.DataFrame, rates: Rates) -> np.ndarray:
    """The probability of fraud of each of the rows of `world.with_features`, as known when it happened."""
    customer, customers = pd.factorize(rows["customer"])
    terminal, terminals = pd.factorize(rows["terminal"])
    micros, amounts = rows["event_time"].astype("int64").to_numpy(), densities(rows, customer)
    is_fraud, is_large = rows["is_fraud"].to_numpy(), (rows["cents"] > LARGE_CENTS).to_numpy()
    day = micros // DAY_MICROS - micros[0] // DAY_MICROS
    edges = np.searchsorted(day, np.arange(day[-1] + 2))
    odds = amounts.raised / amounts.usual
    seen = (1 - SHARE_RAISED) + SHARE_RAISED * odds
    of_customers = Filter(len(customers), CUSTOMER_DAYS, rates.customers)
    of_terminals = Filter(len(terminals), TERMINAL_DAYS, rates.terminals)
    by_amount, by_terminal = np.zeros(len(rows)), np.zeros(len(rows))
    seen_by_day, labelled_by_day = np.ones((2, day[-1] + 1, len(customers)))
    for today in range(day[-1] + 1):
        now, arriving = slice(*edges[today : today + 2]), slice(0, 0)
        last_known = today - DELAY_DAYS - 1
        if last_known >= 0:
            of_customers.state = of_customers.weighed(
                of_customers.a_day_later(of_customers.state), labelled_by_day[last_known]
            )
            known = slice(*edges[last_known : last_known + 2])
            evidence = np.where(is_fraud[known], 1 / np.maximum(by_amount[known], _LEAST_CHANCE), 0)
            of_terminals.state = of_terminals.weighed(
                of_terminals.a_day_later(of_terminals.state), product(terminal[known], evidence, len(terminals))
            )
            arriving = slice(*edges[last_known + 1 : last_known + 3])
        state = of_customers.state
        for past in range(max(last_known + 1, 0), today):
            state = of_customers.weighed(of_customers.a_day_later(state), seen_by_day[past])
        clean = of_customers.a_day_later(state)[customer[now], 0]
        compromised = (1 - clean) * before(customer[now], seen[now])
        raised = compromised * SHARE_RAISED * odds[now]
        by_amount[now] = np.where(is_large[now], 1, raised / (compromised * seen[now] + clean))
        by_terminal[now] = terminal_chances(
            of_terminals,
            Payments(terminal[now], micros[now] - DELAY_DAYS * DAY_MICROS),
            Payments(terminal[arriving], micros[arriving]),
            np.where(is_fraud[arriving], np.maximum(by_amount[arriving], _LEAST_CHANCE), 0),
        )
        seen_by_day[today] = product(customer[now], seen[now], len(customers))
        # A known fraud of an ordinary amount is explained by its terminal or by its customer; a genuine one is neither.
        labelled = (1 - SHARE_RAISED) + np.where(
            is_fraud[now], SHARE_RAISED * odds[now] / np.maximum(by_terminal[now], _LEAST_CHANCE), 0
        )
        labelled = np.where(is_large[now], seen[now], labelled)
        labelled_by_day[today] = product(customer[now], labelled, len(customers))
    return 1 - (1 - by_amount) * (1 - by_terminal)


@dataclass(frozen=True)
class Payments:
    """Where and when payments were, in the order of time."""

    terminal: np.ndarray
    micros: np.ndarray


def terminal_chances(filter_: Filter, now: Payments, arriving: Payments, explained: np.ndarray) -> np.ndarray:
    """The chance that the terminal of each payment is compromised when it is made.

    Args:
        filter_: as of the labels up to the day before the one that is being revealed.
        now: the payments, at the moments up to which labels are known to them.
        arriving: the payments of the day that is being revealed.
        explained: for each of them the chance of a fraud that isn't the terminal's; 0: it is genuine.

    """
    order = np.lexsort((arriving.micros, arriving.terminal))
    place, moment = arriving.terminal[order], arriving.micros[order]
    genuine = np.concatenate([[0], np.cumsum(explained[order] == 0)])
    logs = np.concatenate([[0], np.cumsum(np.log(np.where(explained[order] == 0, 1, explained[order])))])
    timeline = Timeline(place, moment)
    first = timeline.up_to(now.terminal, np.full_like(now.micros, -NEVER))
    end = timeline.up_to(now.terminal, now.micros)
    state = filter_.a_day_later(filter_.state)[now.terminal]
    clean = state[:, 0] * np.exp(logs[end] - logs[first])
    possible = genuine[end] == genuine[first]
    ending = state[:, -DELAY_DAYS:].sum(axis=1) * possible
    going_on = state[:, 1:-DELAY_DAYS].sum(axis=1) * possible
    still_clean: np.ndarray = (1 - filter_.chance) ** DELAY_DAYS * (clean + ending) / (clean + ending + going_on)
    return 1 - still_clean


def product(key: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """The product of the values of each of `count` keys; 1 for a key without."""
    result = np.ones(count)
    np.multiply.at(result, key, values)
    return result


def before(key: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The product of the values of earlier rows of the same key."""
    return np.asarray(pd.Series(values).groupby(key).cumprod() / values)
