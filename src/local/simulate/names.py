"""Names, streets and postal codes: pools made once by a seeded Faker, as asking it for each person would be slow."""

import unicodedata
from dataclasses import dataclass
from functools import cache

from faker import Faker

POOL_SIZE = 150
_PROVIDERS = [f"faker.providers.{topic}" for topic in ("person", "address", "phone_number", "company")]


@dataclass(frozen=True)
class NamePool:
    """What people of one locale are called and where they live; plain names are those of e-mail addresses."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    postal_codes: tuple[str, ...]
    phones: tuple[str, ...]
    companies: tuple[str, ...]
    plain_first_names: tuple[str, ...]
    plain_last_names: tuple[str, ...]


@cache
def name_pool(locale: str, seed: int) -> NamePool:
    """The pool of a Faker locale, `POOL_SIZE` of each kind; the same seed gives the same names."""
    # Only what is asked for: loading all of Faker's topics takes longer than a day of the world.
    fake = Faker(locale, providers=_PROVIDERS)
    fake.seed_instance(seed)
    many = range(POOL_SIZE)
    first_names = tuple(fake.first_name() for _ in many)
    last_names = tuple(fake.last_name() for _ in many)
    return NamePool(
        first_names=first_names,
        last_names=last_names,
        plain_first_names=tuple(map(_plain, first_names)),
        plain_last_names=tuple(map(_plain, last_names)),
        streets=tuple(fake.street_name() for _ in many),
        postal_codes=tuple(fake.postcode() for _ in many),
        phones=tuple(fake.phone_number() for _ in many),
        companies=tuple(fake.company() for _ in many),
    )


def _plain(name: str) -> str:
    """A name as in an e-mail address: lower-case letters of the English alphabet."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in ascii_only if letter.isalpha()) or "x"
