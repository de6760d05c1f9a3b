"""ISO codes as SQL expressions, from pycountry's tables (ISO 3166-1 and ISO 4217)."""

from functools import cache

import pycountry
from pyspark.sql import Column
from pyspark.sql import functions as F


@cache
def country_names() -> dict[str, str]:
    """Upper-case alpha-3 codes and English names (short, official and common) to alpha-2 codes."""
    names = {}
    for country in pycountry.countries:
        for attribute in ("alpha_3", "name", "official_name", "common_name"):
            if name := getattr(country, attribute, None):
                names[name.upper()] = country.alpha_2
    return names


@cache
def country_codes() -> tuple[str, ...]:
    """All alpha-2 codes."""
    return tuple(sorted(country.alpha_2 for country in pycountry.countries))


@cache
def currency_codes() -> tuple[str, ...]:
    """All ISO 4217 alphabetic codes."""
    return tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))


def country_code(text: Column) -> Column:
    """The alpha-2 code of a text that is one, an alpha-3 code or an English name; null for anything else."""
    upper = F.upper(text)
    pairs = [F.lit(part) for item in country_names().items() for part in item]
    return F.when(upper.isin(*country_codes()), upper).otherwise(F.try_element_at(F.create_map(*pairs), upper))


def currency_code(text: Column) -> Column:
    """The ISO 4217 code of a text that is one in any case; null for anything else."""
    upper = F.upper(text)
    return F.when(upper.isin(*currency_codes()), upper)
