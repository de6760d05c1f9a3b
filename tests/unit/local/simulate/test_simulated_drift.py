"""Fraud that moves away from its first ways."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from eventful_worlds import DAYS, HARD, OF_SHOPS, alone, eventful, payments_of

from local.simulate import World
from local.simulate.population import Population


@pytest.fixture(scope="module")
def easy() -> pd.DataFrame:
    return payments_of(eventful())[0]


@pytest.fixture(scope="module")
def drifting() -> tuple[pd.DataFrame, Population]:
    return payments_of(alone("drift"))


def test_drift_moves_frauds_and_touches_no_other_payment(easy: pd.DataFrame, drifting) -> None:
    rows, _ = drifting
    who = ["day", "second", "customer", "account", "channel"]
    assert rows[who].equals(easy[who])
    both_genuine = (rows["mechanism"] == "genuine") & (easy["mechanism"] == "genuine")
    assert rows[both_genuine].equals(easy[both_genuine])
    changed = rows["mechanism"] != easy["mechanism"]
    became = set(zip(easy["mechanism"][changed], rows["mechanism"][changed], strict=True))
    terminals = {("compromised_terminal", "genuine"), ("genuine", "compromised_terminal")}
    assert became == terminals | {(shop, "ordinary_shop") for shop in OF_SHOPS}
    first = rows["day"] == 0
    assert rows[first].equals(easy[first])
    for burst in ("test_burst", "large_amount"):
        assert rows[rows["mechanism"] == burst].equals(easy[easy["mechanism"] == burst])


def test_thieves_pay_less_from_day_to_day(drifting) -> None:
    rows, population = drifting
    stolen = rows[rows["mechanism"] == "stolen_card"]
    mean = (
        population.customers.amount_eur_mean[stolen["customer"]] * population.accounts.units_per_eur[stolen["account"]]
    )
    times = stolen["cents"] / 100 / mean
    moved = HARD["drift"] * stolen["day"] / DAYS
    assert (times > 0.99 * 4 ** (1 - moved)).all()
    assert (times < 1.01 * 12 ** (1 - moved)).all()
    assert times[stolen["day"] < 10].mean() > 1.5 * times[stolen["day"] >= DAYS - 10].mean()


def runs(rows: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """First day and length in days of the time that a terminal is compromised, by its frauds."""
    for _, days in rows[rows["mechanism"] == "compromised_terminal"].groupby("terminal")["day"]:
        seen = np.unique(days)
        for run in np.split(seen, np.flatnonzero(np.diff(seen) > 3) + 1):
            yield int(run[0]), int(run[-1] - run[0] + 1)


def test_terminals_stay_compromised_for_fewer_days_and_there_is_as_much_of_it() -> None:
    # Used every day, and by nobody but thieves while they are compromised.
    busy = {"terminals": 80, "compromised_terminal_fraud_share": 1.0, "compromised_terminal_share": 0.15, "days": 90}
    rows, easy = (payments_of(eventful(**busy, drift=drift))[0] for drift in (0.8, 0.0))
    whole = World().compromised_terminal_days
    late = 30
    limit = whole * (1 - 0.8 * late / DAYS)

    def shorter(of: pd.DataFrame) -> float:
        """Share of what began late and ended that lasted for less than all its days, two that overlap taken as one."""
        days = np.array([days for first, days in runs(of) if first >= late and first + days < busy["days"]])
        assert len(days) > 15
        return float(np.mean(days <= limit))

    assert shorter(rows) > 0.7
    assert shorter(easy) < 0.3
    frauds = [((of["mechanism"] == "compromised_terminal") & (of["day"] >= DAYS)).sum() for of in (rows, easy)]
    assert frauds[0] == pytest.approx(frauds[1], rel=0.25)


def test_purchases_leave_the_shops_that_rules_watch(easy: pd.DataFrame, drifting) -> None:
    rows, population = drifting
    was_watched = easy["mechanism"].isin(OF_SHOPS)
    left = rows["mechanism"] == "ordinary_shop"
    assert not (left & ~was_watched).any()
    assert left[was_watched & (rows["day"] < 5)].mean() < 0.1
    late = was_watched & (rows["day"] >= DAYS - 10)
    expected = HARD["drift"] * (DAYS - 5.5) / DAYS
    assert left[late].mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / late.sum()) ** 0.5)
    assert set(rows["terminal"][left]) <= set(population.ordinary_shops.terminal)
