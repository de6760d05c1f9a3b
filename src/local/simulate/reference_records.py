"""Customers, accounts, merchants and terminals as the records that their systems send."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from local.simulate.names import name_pool
from local.simulate.places import COUNTRIES, places
from local.simulate.population import Population
from local.simulate.shops import RISKS
from local.simulate.wording import account_id, customer_id, iso, merchant_id, moment, terminal_id

Record = dict[str, Any]

_TITLES = ("", "Dr. ", "Mrs ", "Mr ")
_TIERS = ("", "silver", "gold", "platinum")


def customer_record(population: Population, who: int, *, is_wide: bool) -> Record:
    """A customer; `is_wide` records have a loyalty tier, in the middle."""
    people = population.customers
    code = places().country[people.place[who]]
    pool = name_pool(COUNTRIES[code].locale, population.world.seed)
    i, j = people.first_name[who], people.last_name[who]
    first, last = pool.first_names[i], pool.last_names[j]
    number = who + int(people.email_version[who]) * 1000
    style = int(people.name_style[who])
    name = f"{last}, {first}" if style == 1 else f"{_TITLES[style]}{first} {last}"
    street = f"{pool.streets[people.street[who]]} {people.house_number[who]}"
    flat = int(people.flat[who])
    return {
        "customer_id": customer_id(who),
        "name": name,
        "email": f"{pool.plain_first_names[i]}.{pool.plain_last_names[j]}{number}@example.com",
        "phone": pool.phones[people.phone[who]],
        **({"loyalty_tier": _TIERS[people.loyalty_tier[who]]} if is_wide else {}),
        "birth_date": f"{moment(0) + timedelta(days=int(people.birth_day[who])):%Y-%m-%d}",
        "street": f"{street}\nFlat {flat}" if flat else street,
        "city": places().city[people.place[who]],
        "postcode": pool.postal_codes[people.postal_code[who]],
        "country": code,
        "changed_at": f"{moment(people.changed_at[who]):%Y-%m-%d %H:%M:%S}",
    }


def account_record(population: Population, who: int, *, is_wide: bool) -> Record:
    """An account; it has no further column."""
    del is_wide
    accounts = population.accounts
    return {
        "account_id": account_id(who),
        "customer_id": customer_id(int(accounts.customer[who])),
        "currency": accounts.currency[who],
        "credit_limit": Decimal(int(accounts.limit_units[who])).quantize(Decimal("0.01")),
        "balance": Decimal(int(accounts.balance_cents[who])).scaleb(-2),
        "changed_at": int(accounts.changed_at[who]) * 1_000_000_000,
    }


def merchant_record(population: Population, who: int, *, is_wide: bool) -> Record:
    """A merchant; `is_wide` records hold how to reach it, nested."""
    merchants = population.merchants
    code = places().country[merchants.place[who]]
    locale = COUNTRIES[code].locale if code in COUNTRIES else "en_US"
    return {
        "id": merchant_id(who),
        "trade_name": name_pool(locale, population.world.seed).companies[merchants.company[who]],
        "mcc": merchants.category[who],
        "country": code,
        "risk": RISKS[merchants.risk[who]],
        "watchlist": bool(merchants.is_watchlisted[who]),
        **({"contact": {"email": f"shop{who}@example.org", "languages": ["en"]}} if is_wide else {}),
        "changed_at": iso(int(merchants.changed_at[who])),
    }


def terminal_record(population: Population, who: int, *, is_wide: bool) -> Record:
    """A terminal; it has no further column."""
    del is_wide
    terminals = population.terminals
    place = terminals.place[who]
    return {
        "terminal": terminal_id(who),
        "merchant": merchant_id(int(terminals.merchant[who])),
        "kind": ("pos", "web", "atm")[terminals.kind[who]],
        "lat": f"{terminals.latitude[who]:.5f}",
        "lon": f"{terminals.longitude[who]:.5f}",
        "city": places().city[place],
        "country": places().country[place],
        "changed_at": iso(int(terminals.changed_at[who])),
    }


RECORDS: Mapping[str, Callable[..., Record]] = {
    "customers": customer_record,
    "accounts": account_record,
    "merchants": merchant_record,
    "terminals": terminal_record,
}
"""How an entity's records are made: a function of population and number, with `is_wide` by name."""
