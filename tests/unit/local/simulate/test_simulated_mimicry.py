"""Thieves who keep to their victim's habits."""

import numpy as np
import pandas as pd
import pytest
from eventful_worlds import HARD, OF_SHOPS, alone, eventful, payments_of

from local.simulate.payments import AT_ATM, CHANNELS, ONLINE
from local.simulate.population import Population
from local.simulate.spending import AMOUNT_SIGMA


@pytest.fixture(scope="module")
def easy() -> pd.DataFrame:
    return payments_of(eventful())[0]


@pytest.fixture(scope="module")
def mimicking() -> tuple[pd.DataFrame, Population]:
    return payments_of(alone("mimicry_share"))


def test_mimicry_touches_only_the_frauds_that_it_hides(easy: pd.DataFrame, mimicking) -> None:
    rows, _ = mimicking
    every = list(rows.columns)
    others = [of[~of["mechanism"].eq("mimicry")].value_counts(every) for of in (rows, easy)]
    assert len(rows) == len(easy)
    gone = others[1].sub(others[0], fill_value=0)
    assert (gone >= 0).all()
    hidden = gone[gone > 0].reset_index()
    assert hidden["count"].sum() == (rows["mechanism"] == "mimicry").sum()
    assert set(hidden["mechanism"]) == {"stolen_card", "large_amount", *OF_SHOPS}
    # It is the same card that pays, the same day.
    cards = ["day", "customer", "account"]
    assert hidden[cards].value_counts().equals(rows.loc[rows["mechanism"] == "mimicry", cards].value_counts())


def test_about_the_share_of_victims_has_thieves_who_hide_and_they_always_do(easy: pd.DataFrame, mimicking) -> None:
    rows, _ = mimicking
    could = ("stolen_card", "large_amount", *OF_SHOPS)
    victims = set(easy["customer"][easy["mechanism"].isin(could)])
    hiding = set(rows["customer"][rows["mechanism"] == "mimicry"])
    share = HARD["mimicry_share"]
    assert len(victims) > 200
    assert len(hiding) / len(victims) == pytest.approx(share, abs=4 * (share * (1 - share) / len(victims)) ** 0.5)
    assert not hiding & set(rows["customer"][rows["mechanism"].isin(could)])


def test_a_thief_who_hides_keeps_to_the_victims_habits(mimicking) -> None:
    rows, population = mimicking
    customers, accounts = population.customers, population.accounts

    def habits(of: pd.DataFrame) -> dict[str, float]:
        customer, bought = of["customer"].to_numpy(), of[of["channel"] != AT_ATM]
        mean = customers.amount_eur_mean[bought["customer"]] * accounts.units_per_eur[bought["account"]]
        times = np.log(bought["cents"].to_numpy() / 100 / mean)
        hours = (of["second"].to_numpy() / 3600 - customers.usual_hour[customer] + 12) % 24 - 12
        in_shop = of[of["channel"] == CHANNELS.index("card_present")]
        near = population.near_pos.terminal[in_shop["customer"]] == in_shop["terminal"].to_numpy()[:, None]
        return {
            "amount": times.mean(),
            "spread of amounts": times.std(),
            "hour": hours.mean(),
            "spread of hours": hours.std(),
            "online": (of["channel"] == ONLINE).mean(),
            "at cash machines": (of["channel"] == AT_ATM).mean(),
            "in shops near by": near.any(axis=1).mean(),
        }

    hidden = rows[rows["mechanism"] == "mimicry"]
    assert len(hidden) > 400
    thieves, people = habits(hidden), habits(rows[rows["mechanism"] == "genuine"])
    assert thieves == pytest.approx(people, abs=0.35)
    for name in ("amount", "spread of amounts", "online", "at cash machines", "in shops near by"):
        assert thieves[name] == pytest.approx(people[name], abs=0.1), name
    assert thieves["amount"] == pytest.approx(-(AMOUNT_SIGMA**2) / 2, abs=0.1)
    assert set(hidden["terminal"][hidden["channel"] == ONLINE]) <= set(population.ordinary_shops.terminal)
