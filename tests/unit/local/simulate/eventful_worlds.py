"""Worlds with much fraud of every kind and no dirt, with one difficulty or none, and their payments as a table."""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from local.simulate import World
from local.simulate.fraud import Fraudsters
from local.simulate.payments import MECHANISMS, Payments
from local.simulate.population import Population, population_of
from local.simulate.settings import DIFFICULTIES, DIRT_RATES
from local.simulate.spending import genuine_payments

DAYS = 60
CLEAN: dict[str, Any] = dict.fromkeys((*DIRT_RATES, "reference_dirt_rate"), 0.0)
NONE: dict[str, Any] = dict.fromkeys(DIFFICULTIES, 0.0)
EVENTFUL: dict[str, Any] = {
    "customers": 400,
    "merchants": 80,
    "terminals": 200,
    "days": DAYS,
    "gzip_every_days": 0,
    "compromised_terminal_share": 0.1,
    "stolen_card_share": 0.1,
    "large_amount_rate": 0.01,
    "high_risk_country_rate": 0.02,
    "watchlisted_merchant_rate": 0.02,
    "test_burst_rate": 0.002,
    "drift_days": DAYS,
    **CLEAN,
}
"""Much fraud of every kind, and no dirt."""

HARD: dict[str, Any] = {
    "drift": 0.6,
    "mimicry_share": 0.4,
    "friendly_fraud_rate": 0.05,
    "unreported_share": 0.3,
}
OF_SHOPS = ("high_risk_country", "watchlisted_merchant")


def eventful(**settings: Any) -> World:
    return World(**{**EVENTFUL, **NONE, **settings})


def alone(difficulty: str) -> World:
    return eventful(**{difficulty: HARD[difficulty]})


def payments_of(world: World) -> tuple[pd.DataFrame, Population]:
    """All payments of a world, a row each, in their order; in a population that stays as it is."""
    population = population_of(world)
    fraudsters = Fraudsters(population)
    days = []
    for day in range(world.days):
        payments = fraudsters.strike(genuine_payments(population, day), day)
        columns = {each.name: getattr(payments, each.name) for each in fields(Payments)}
        days.append(pd.DataFrame({"day": day, **columns}))
    rows = pd.concat(days, ignore_index=True)
    return rows.assign(mechanism=np.array(MECHANISMS)[rows["mechanism"]]), population
