"""The time zone of a country: its own, or the capital's where it has several."""

import csv
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

UNKNOWN = "UTC"
"""Whose country isn't known has this one."""


@cache
def zone_of(country: str | None) -> ZoneInfo:
    """The zone of a country by its alpha-2 code."""
    return ZoneInfo(_zones().get(country or "", UNKNOWN))


@cache
def _zones() -> dict[str, str]:
    with Path(__file__).with_name("time_zones.csv").open(encoding="utf-8") as file:
        return {row["country"]: row["zone"] for row in csv.DictReader(file)}
