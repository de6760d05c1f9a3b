"""Valid records of four feeds, as keys and JSON tokens: what the mutations start from.

A token is the JSON text of a value, so that a mutation can write what no serialiser would: a key twice, 1e999999999.
"""

import json
from dataclasses import dataclass
from random import Random

Record = list[tuple[str, str]]


@dataclass(frozen=True)
class Feed:
    """A feed of the fuzzed source: the target that it makes, and its map."""

    name: str
    target: str
    map: dict[str, str]

    @property
    def fields(self) -> list[str]:
        return list(self.map.values())


FEEDS = (
    Feed(
        "payments",
        "transactions",
        {
            "transaction_id": "id",
            "event_time": "ts",
            "customer_id": "customer",
            "terminal_id": "terminal",
            "amount": "amount",
            "currency": "ccy",
            "channel": "channel",
            "country": "country",
        },
    ),
    Feed(
        "people",
        "customers",
        {
            "customer_id": "id",
            "full_name": "name",
            "email": "email",
            "birth_date": "born",
            "city": "city",
            "postal_code": "zip",
            "country": "country",
            "is_deleted": "deleted",
            "changed_at": "changed",
        },
    ),
    Feed("reports", "fraud_reports", {"transaction_id": "tx", "is_fraud": "fraud", "reported_at": "reported"}),
    Feed(
        "terminals",
        "terminals",
        {
            "terminal_id": "id",
            "merchant_id": "merchant",
            "latitude": "lat",
            "longitude": "lon",
            "city": "city",
            "changed_at": "changed",
        },
    ),
)
FORMATS = ("json_lines", "csv", "json_array", "parquet")


def format_of(feed: Feed, seed: int) -> str:
    """The format of a feed's files: four seeds in a row give every feed every format."""
    return FORMATS[(FEEDS.index(feed) + seed) % len(FORMATS)]


def a_record(feed: Feed, key: str, random: Random) -> Record:
    """A valid record with a key of its own."""
    values = {"transactions": _payment, "customers": _person, "fraud_reports": _report, "terminals": _terminal}
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in values[feed.target](key, random).items()]


def _time(random: Random) -> str:
    day, hour, minute, second = (
        random.randint(1, 28),
        random.randint(0, 23),
        random.randint(0, 59),
        random.randint(0, 59),
    )
    moment = f"2025-{random.randint(1, 9):02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
    return moment + random.choice(["Z", "", "+02:00", ".250Z"])


def _payment(key: str, random: Random) -> dict[str, object]:
    return {
        "id": key,
        "ts": _time(random),
        "customer": f"C{random.randint(1, 99)}",
        "terminal": f"T{random.randint(1, 99)}",
        "amount": random.choice([12.5, 100, "7.25", 0, 99999.99]),
        "ccy": random.choice(["EUR", "usd", "GBP"]),
        "channel": random.choice(["online", "atm", "Card Present"]),
        "country": random.choice(["DE", "FRA", "Norway"]),
    }


def _person(key: str, random: Random) -> dict[str, object]:
    return {
        "id": key,
        "name": random.choice(["Anna van der Berg", "Dr. Bob Smith", "Øre Ünal", "李 小龍"]),
        "email": "a.b@example.org",
        "born": "1980-02-29",
        "city": random.choice(["Bergen", "São Paulo"]),
        "zip": "ab 12",
        "country": "DE",
        "deleted": random.choice([None, False]),
        "changed": _time(random),
    }


def _report(key: str, random: Random) -> dict[str, object]:
    return {"tx": key, "fraud": random.choice([True, False, "yes"]), "reported": _time(random)}


def _terminal(key: str, random: Random) -> dict[str, object]:
    return {
        "id": key,
        "merchant": f"M{random.randint(1, 9)}",
        "lat": round(random.uniform(-90, 90), 5),
        "lon": round(random.uniform(-180, 180), 5),
        "city": "Oslo",
        "changed": _time(random),
    }
