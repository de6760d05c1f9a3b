"""Other ways in which a country is written than by its two letters."""

from functools import cache

import pycountry


@cache
def country_words(code: str) -> tuple[str, ...]:
    """The English name of an ISO 3166-1 alpha-2 code as it is, in capitals, and the alpha-3 code."""
    country = pycountry.countries.get(alpha_2=code)
    if country is None:
        raise KeyError(code)
    return country.name, country.name.upper(), country.alpha_3, country.alpha_3.lower()
