"""How likely an amount is, from what the customer paid before: by the Handbook's law of amounts, chapter 3.2.

A customer's amounts are normal with mean m and deviation m / 2, negative ones replaced by uniform ones of [0, 2 m].
Over customers m is uniform between 5 and 100. It is not known: the densities are means over its posterior, on a grid.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from common.contracts.features import UNUSUAL_TIMES

LEAST_MEAN_EUR, MOST_MEAN_EUR = 5.0, 100.0
FACTOR = 5
"""How many times its amount a fraud of a compromised customer is."""

_NEGATIVE = float(norm.cdf(-2))
_GRID = np.geomspace(LEAST_MEAN_EUR, MOST_MEAN_EUR, 96)
_CHUNK = 100_000
_FLOOR = 1e-12


@dataclass(frozen=True)
class Densities:
    """Of each row's amount: as the customer's own (`usual`), and as that times FACTOR (`raised`); above 0."""

    usual: np.ndarray
    raised: np.ndarray


def densities(rows: pd.DataFrame, customer: np.ndarray) -> Densities:
    """Of rows in the order of time; `customer` numbers their customers. Unusual earlier amounts are left out."""
    amount = rows["amount_eur"].to_numpy()
    counted = ~(rows["amount_to_usual"].to_numpy() > UNUSUAL_TIMES)
    number, total, squares = (_before(customer, np.where(counted, v, 0)) for v in (1.0, amount, amount**2))
    usual, raised = np.empty(len(rows)), np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        # On a geometric grid a uniform prior has weight proportional to m.
        logs = np.log(_GRID) * (1 - number[part, None]) - 2 * (
            squares[part, None] / _GRID**2 - 2 * total[part, None] / _GRID
        )
        weight = np.exp(logs - logs.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        usual[part] = np.sum(weight * _density(amount[part, None]), axis=1)
        raised[part] = np.sum(weight * _density(amount[part, None] / FACTOR) / FACTOR, axis=1)
    return Densities(np.maximum(usual, _FLOOR), np.maximum(raised, _FLOOR))


def _density(amount: np.ndarray) -> np.ndarray:
    """Of an amount for each mean of the grid."""
    spread = _GRID / 2
    normal = np.exp(-0.5 * ((amount - _GRID) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    return np.asarray(normal + np.where(amount < 2 * _GRID, _NEGATIVE / (2 * _GRID), 0))


def _before(key: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum of the values of earlier rows of the same key."""
    return np.asarray(pd.Series(values).groupby(key).cumsum() - values)
