"""A world of the Handbook's kind with another seed: its simulator, written from its description in chapter 3.2.

Customers and terminals lie in a square of 100 by 100; a customer pays at the terminals within 5 of it, chosen with
equal chance. A customer makes a Poisson number of payments a day, its mean uniform in [0, 4], around noon. For amounts
see `amounts.py`, for fraud `bayes.py`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.handbook.amounts import FACTOR, LEAST_MEAN_EUR, MOST_MEAN_EUR

LARGE_CENTS = 22_000
TERMINAL_DAYS, CUSTOMER_DAYS = 28, 14
SHARE_RAISED = 1 / 3
RADIUS, SIDE = 5.0, 100.0
NOON_SPREAD_SECONDS = 20_000
START = pd.Timestamp("2018-04-01", tz="UTC")


@dataclass(frozen=True)
class Setting:
    """Size and rates of a world; `terminals_a_day` and `customers_a_day` are compromised each day."""

    seed: int
    customers: int = 2_500
    terminals: int = 5_000
    days: int = 150
    terminals_a_day: int = 1
    customers_a_day: int = 2


def simulated(setting: Setting) -> pd.DataFrame:
    """Transactions as `world.with_features` takes them."""
    generator = np.random.default_rng(setting.seed)
    rows = _genuine(setting, generator)
    scenario = np.where(rows["cents"] > LARGE_CENTS, 1, 0)
    day = ((rows["event_time"] - START) // pd.Timedelta(days=1)).to_numpy()
    for key, known, count, last, number in (
        ("terminal", setting.terminals, setting.terminals_a_day, TERMINAL_DAYS, 2),
        ("customer", setting.customers, setting.customers_a_day, CUSTOMER_DAYS, 3),
    ):
        places = rows.groupby(key).indices
        for start in range(setting.days):
            for chosen in generator.choice(known, count, replace=False):
                own = np.asarray(places.get(chosen, ()), "int64")
                hit = own[(day[own] >= start) & (day[own] < start + last)]
                if number == 3:
                    hit = generator.choice(hit, int(len(hit) * SHARE_RAISED), replace=False)
                    rows.loc[hit, "cents"] *= FACTOR
                scenario[hit] = number
    return rows.assign(scenario=scenario, is_fraud=scenario > 0)


def _genuine(setting: Setting, generator: np.random.Generator) -> pd.DataFrame:
    """The payments before any fraud, by time."""
    terminals = generator.uniform(0, SIDE, (setting.terminals, 2))
    parts = []
    for customer in range(setting.customers):
        near = np.flatnonzero(np.hypot(*(terminals - generator.uniform(0, SIDE, 2)).T) < RADIUS)
        mean, payments_a_day = generator.uniform(LEAST_MEAN_EUR, MOST_MEAN_EUR), generator.uniform(0, 4)
        day = np.repeat(np.arange(setting.days), generator.poisson(payments_a_day, setting.days))
        second = generator.normal(43_200, NOON_SPREAD_SECONDS, len(day)).astype("int64")
        kept = (second > 0) & (second < 86_400) & bool(len(near))
        day, second = day[kept], second[kept]
        amount = generator.normal(mean, mean / 2, len(day))
        amount = np.where(amount < 0, generator.uniform(0, 2 * mean, len(day)), amount)
        parts.append(
            pd.DataFrame(
                {
                    "event_time": (START + pd.to_timedelta(day * 86_400 + second, unit="s")).astype(
                        "datetime64[us, UTC]"
                    ),
                    "customer": customer,
                    "terminal": generator.choice(near, len(day)) if len(day) else np.zeros(0, "int64"),
                    "cents": np.round(amount * 100).astype("int64"),
                }
            )
        )
    rows = pd.concat(parts).sort_values("event_time", kind="stable", ignore_index=True)
    return rows.assign(transaction_id=np.arange(len(rows)))
