"""Where people live and shops are: cities, their countries, and distances between them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from common.settings import HIGH_RISK_COUNTRIES

EARTH_RADIUS_KM = 6371.0
KM_PER_DEGREE = 111.2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Country:
    """What a country's people pay with (`units_per_eur`: about, 2024) and how Faker names them."""

    currency: str
    units_per_eur: float
    locale: str


COUNTRIES: Mapping[str, Country] = {
    "DE": Country("EUR", 1.0, "de_DE"),
    "FR": Country("EUR", 1.0, "fr_FR"),
    "ES": Country("EUR", 1.0, "es_ES"),
    "IT": Country("EUR", 1.0, "it_IT"),
    "NL": Country("EUR", 1.0, "nl_NL"),
    "BE": Country("EUR", 1.0, "nl_NL"),
    "AT": Country("EUR", 1.0, "de_DE"),
    "PT": Country("EUR", 1.0, "pt_PT"),
    "IE": Country("EUR", 1.0, "en_GB"),
    "FI": Country("EUR", 1.0, "fi_FI"),
    "GB": Country("GBP", 0.85, "en_GB"),
    "CH": Country("CHF", 0.95, "de_DE"),
    "SE": Country("SEK", 11.43, "sv_SE"),
    "NO": Country("NOK", 11.63, "no_NO"),
    "DK": Country("DKK", 7.46, "da_DK"),
    "PL": Country("PLN", 4.31, "pl_PL"),
    "CZ": Country("CZK", 25.1, "cs_CZ"),
    "US": Country("USD", 1.08, "en_US"),
}
"""The countries that customers live in, by ISO 3166-1 alpha-2 code."""


@dataclass(frozen=True)
class Places:
    """Cities as columns: position in degrees, and `weight`, the share of the population (0 in high-risk countries)."""

    city: tuple[str, ...]
    country: tuple[str, ...]
    latitude: Floats
    longitude: Floats
    weight: Floats
    is_high_risk: NDArray[np.bool_]

    def chosen(self, rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Places of that many people, by weight."""
        return rng.choice(len(self.city), size, p=self.weight)

    def in_same_country(self, rng: np.random.Generator, place: int) -> int:
        """A place of the same country, by weight."""
        here = [i for i, code in enumerate(self.country) if code == self.country[place]]
        share = self.weight[here]
        return int(rng.choice(here, p=share / share.sum() if share.sum() else None))

    def around(self, rng: np.random.Generator, place: NDArray[np.int64], spread_km: float) -> tuple[Floats, Floats]:
        """Latitudes and longitudes scattered around each place, normally with that deviation."""
        north = rng.normal(0.0, spread_km / KM_PER_DEGREE, len(place))
        east = rng.normal(0.0, spread_km / KM_PER_DEGREE, len(place))
        latitude = self.latitude[place] + north
        return latitude.round(5), (self.longitude[place] + east / np.cos(np.radians(latitude))).round(5)


@cache
def places() -> Places:
    """All cities of places.csv."""
    text = files("local.simulate").joinpath("places.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    weight = np.array([float(row["weight"]) for row in rows])
    return Places(
        city=tuple(row["city"] for row in rows),
        country=tuple(row["country"] for row in rows),
        latitude=np.array([float(row["latitude"]) for row in rows]),
        longitude=np.array([float(row["longitude"]) for row in rows]),
        weight=weight / weight.sum(),
        is_high_risk=np.array([row["country"] in HIGH_RISK_COUNTRIES for row in rows]),
    )


def distance_km(latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    """Great-circle distances, by the haversine formula; the arguments, in degrees, are broadcast."""
    p, q = np.radians(latitude), np.radians(to_latitude)
    half_chord = (
        np.sin((q - p) / 2) ** 2
        + np.cos(p) * np.cos(q) * np.sin(np.radians(np.subtract(to_longitude, longitude)) / 2) ** 2
    )
    distance: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half_chord, 0.0, 1.0)))
    return distance
