"""Dirt on reference data: for each entity, the ways in which its records are spoilt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.simulate.arrivals import ACCEPTED, QUARANTINED
from local.simulate.country_names import country_words
from local.simulate.reference_records import Record


@dataclass(frozen=True)
class ReferenceSpoiling:
    """A kind of dirt: what should become of the record, and the fields that it changes."""

    kind: str
    outcome: str
    changed: Callable[[Record], Record]

    def apply(self, record: Record) -> Record:
        """The spoilt record."""
        return {**record, **self.changed(record)}


def _bad(kind: str, field: str, value: str) -> ReferenceSpoiling:
    return ReferenceSpoiling(kind, QUARANTINED, lambda _: {field: value})


def _odd(kind: str, changed: Callable[[Record], Record]) -> ReferenceSpoiling:
    return ReferenceSpoiling(kind, ACCEPTED, changed)


def _day_first(record: Record) -> Record:
    year, month, day = record["birth_date"].split("-")
    return {"birth_date": f"{day}/{month}/{year}"}


REFERENCE_SPOILINGS: Mapping[str, tuple[ReferenceSpoiling, ...]] = {
    "customers": (
        _bad("missing_id", "customer_id", ""),
        _bad("invalid_id", "customer_id", "C 00/17"),
        _bad("bad_date", "birth_date", "1985-13-45"),
        _bad("unknown_country", "country", "Atlantis"),
        _odd("stray_text", lambda r: {"name": f"  {r['name'].replace(' ', '   ')} ", "email": r["email"].upper()}),
        _odd("stray_text", lambda r: {"city": r["city"].upper(), "country": f" {r['country'].lower()} "}),
        _odd("country_name", lambda r: {"country": country_words(r["country"])[0]}),
        _odd("date_format", _day_first),
    ),
    "accounts": (
        _bad("missing_id", "customer_id", ""),
        _bad("unknown_currency", "currency", "XXQ"),
        _odd("stray_text", lambda r: {"currency": f" {r['currency'].lower()}", "account_id": f"{r['account_id']} "}),
    ),
    "merchants": (
        _bad("missing_id", "id", ""),
        _bad("unknown_country", "country", "QQ"),
        _bad("bad_code", "mcc", "54-11"),
        _odd("stray_text", lambda r: {"risk": f"{r['risk'].upper()} ", "trade_name": f" {r['trade_name']}"}),
        _odd("country_name", lambda r: {"country": country_words(r["country"])[2]}),
        _odd("unknown_field", lambda _: {"x-import": {"batch": 7, "tool": "legacy"}}),
    ),
    "terminals": (
        _bad("missing_id", "merchant", ""),
        _bad("invalid_id", "terminal", "P#1;7"),
        _bad("bad_place", "lat", "95.00000"),
        _odd("stray_text", lambda r: {"lat": f" {r['lat']} ", "city": r["city"].lower()}),
        _odd("country_name", lambda r: {"country": country_words(r["country"])[1]}),
    ),
}
