"""Calibration: scores as probabilities. Platt's: two numbers that stretch and move the log-odds.

It keeps the order of the scores, and reasons in log-odds still add up. It is used where it pays on cards that it was
not fitted on: half of the cards judge what the other half would choose. (Platt, Probabilistic outputs for support
vector machines, 1999, with the targets that he gives against overfitting.)
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

MAX_STEPS = 100
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Calibration:
    """The probability of fraud is the logistic function of `slope` (above 0) times log-odds, plus `intercept`."""

    slope: float = 1.0
    intercept: float = 0.0

    def probabilities(self, log_odds: np.ndarray) -> np.ndarray:
        """Probabilities for a model's log-odds."""
        return np.asarray(expit(self.log_odds(log_odds)))

    def log_odds(self, log_odds: np.ndarray) -> np.ndarray:
        """Corrected log-odds."""
        return np.asarray(self.slope * log_odds + self.intercept)


IDENTITY = Calibration()


def calibration_for(log_odds: np.ndarray, is_fraud: np.ndarray, cards: "pd.Series[str]", seed: int) -> Calibration:
    """Platt's calibration where its log loss on other cards is below that of the scores as they are; else none.

    None too where half of the cards have no fraud, or nothing else.

    Args:
        log_odds: of transactions that the model has not learnt from.
        is_fraud: their labels.
        cards: their cards, which are divided in two.
        seed: of that division.

    """
    codes, names = pd.factorize(cards)
    half = np.random.default_rng(seed).permutation(len(names))[codes] % 2 == 0
    parts = [(log_odds[part], is_fraud[part]) for part in (half, ~half)]
    if not all(labels.any() and not labels.all() for _, labels in parts):
        return IDENTITY
    (first, first_labels), (second, second_labels) = parts
    loss = _log_loss(platt(first, first_labels), second, second_labels)
    loss += _log_loss(platt(second, second_labels), first, first_labels)
    found = platt(log_odds, is_fraud)
    return found if loss < _log_loss(IDENTITY, log_odds, is_fraud) and found.slope > 0 else IDENTITY


def platt(log_odds: np.ndarray, is_fraud: np.ndarray) -> Calibration:
    """Slope and intercept of the least log loss, by Newton's method with halved steps."""
    frauds, genuine = int(is_fraud.sum()), int((~is_fraud).sum())
    targets = np.where(is_fraud, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))
    inputs = np.column_stack([log_odds, np.ones_like(log_odds)])
    weights, loss = np.array([1.0, 0.0]), _soft_loss(inputs @ [1.0, 0.0], targets)
    for _ in range(MAX_STEPS):
        probability = expit(inputs @ weights)
        gradient = inputs.T @ (probability - targets)
        spread = probability * (1 - probability)
        step = np.linalg.lstsq((inputs * spread[:, None]).T @ inputs, gradient, rcond=None)[0]
        size = 1.0
        while (new := _soft_loss(inputs @ (weights - size * step), targets)) > loss and size > TOLERANCE:
            size /= 2
        if loss - new <= TOLERANCE * loss:
            break
        weights, loss = weights - size * step, new
    return Calibration(float(weights[0]), float(weights[1]))


def _log_loss(calibration: Calibration, log_odds: np.ndarray, is_fraud: np.ndarray) -> float:
    """The sum, not the mean: parts of different sizes add up."""
    return _soft_loss(calibration.log_odds(log_odds), is_fraud.astype("float64"))


def _soft_loss(log_odds: np.ndarray, targets: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0, log_odds) - targets * log_odds))
