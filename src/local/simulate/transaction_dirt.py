"""Dirt on transactions: for each kind, how a record is spoilt and what a pipeline should then do with it.

A dirty line is made from the record's fields and a random number that chooses among a kind's variants.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from local.simulate.arrivals import ACCEPTED, QUARANTINED
from local.simulate.country_names import country_words
from local.simulate.transaction_lines import Record, text_of


@dataclass(frozen=True)
class Spoiling:
    """A kind of dirt: what should become of the record, and how the line is made."""

    outcome: str
    line: Callable[[Record, int], str]


def _changed(record: Record, **values: str) -> str:
    return text_of({**record, **values})


def _malformed(record: Record, pick: int) -> str:
    line = text_of(record)
    return line[: len(line) // 5 + pick % (len(line) * 7 // 10)] + "\n"


def _missing_id(record: Record, pick: int) -> str:
    absent = {name: value for name, value in record.items() if name != "id"}
    variants = (absent, {**record, "id": "null"}, {**record, "id": '""'}, {**record, "customer": '"  "'})
    return text_of(variants[pick % len(variants)])


def _invalid_id(record: Record, pick: int) -> str:
    id_, customer = _bare(record["id"]), _bare(record["customer"])
    variants = (
        {"id": f'"{id_[:9]} {id_[9:]}"'},
        {"id": f'"#{id_}"'},
        {"id": f'"{id_}/{pick % 7}"'},
        {"customer": f'"{customer[:4]}?{customer[4:]}"'},
        {"terminal": f'"{_bare(record["terminal"])}%00"'},
    )
    return _changed(record, **variants[pick % len(variants)])


def _bad_date(record: Record, pick: int) -> str:
    day = _bare(record["ts"])[:10]
    variants = ("2025-13-45", "yesterday", "0000-00-00 00:00:00", f"{day[:8]}32T10:00:00Z", f"{day}T25:61:00Z", "n/a")
    return _changed(record, ts=f'"{variants[pick % len(variants)]}"')


def _stray_text(record: Record, pick: int) -> str:
    channel = _bare(record["channel"])
    variants: tuple[Record, ...] = (
        {"id": f'" {_bare(record["id"])}  "'},
        {"customer": f'"\\t{_bare(record["customer"])} "', "currency": f'" {_bare(record["currency"])}"'},
        {"currency": record["currency"].lower(), "country": record["country"].lower()},
        {"channel": f'"{channel.replace("_", " ").title()} "'},
        {"channel": f'"{channel.upper().replace("_", "-")}"', "country": f'"{_bare(record["country"])} "'},
        {"amount": f'" {record["amount"]} "'},
    )
    return _changed(record, **variants[pick % len(variants)])


def _date_format(record: Record, pick: int) -> str:
    time = datetime.fromisoformat(_bare(record["ts"]))
    variants = (
        f'"{time:%Y-%m-%d %H:%M:%S}"',
        f'"{time:%d/%m/%Y %H:%M:%S}"',
        f'"{time:%Y%m%dT%H%M%S}"',
        f"{int(time.timestamp())}",
        f'"{time:%Y-%m-%dT%H:%M:%S}.000+00:00"',
    )
    return _changed(record, ts=variants[pick % len(variants)])


def _country_name(record: Record, pick: int) -> str:
    words = country_words(_bare(record["country"]))
    return _changed(record, country=f'"{words[pick % len(words)]}"')


def _unknown_field(record: Record, pick: int) -> str:
    extra = (
        {"note": '"mcc override; \\"see ticket\\""'},
        {"pos": '{"entry_mode":"chip","attempts":[1,2]}'},
        {"loyalty_points": str(pick % 500), "x-trace": "null"},
    )
    return text_of({**record, **extra[pick % len(extra)]})


def _one_of(field: str, *values: str) -> Callable[[Record, int], str]:
    return lambda record, pick: _changed(record, **{field: values[pick % len(values)]})


def _bare(text: str) -> str:
    return text.strip('"')


SPOILINGS: Mapping[str, Spoiling] = {
    "malformed_json": Spoiling(QUARANTINED, _malformed),
    "missing_id": Spoiling(QUARANTINED, _missing_id),
    "invalid_id": Spoiling(QUARANTINED, _invalid_id),
    "bad_date": Spoiling(QUARANTINED, _bad_date),
    "unknown_currency": Spoiling(QUARANTINED, _one_of("currency", '"XXQ"', '"EURO"', '"??"')),
    "unknown_country": Spoiling(QUARANTINED, _one_of("country", '"QQ"', '"Atlantis"', '"ZZZ"')),
    "negative_amount": Spoiling(QUARANTINED, lambda record, _: _changed(record, amount="-" + record["amount"])),
    "absurd_amount": Spoiling(QUARANTINED, _one_of("amount", "1e12", "999999999999.99", "12345678901234567890.5")),
    "unknown_customer": Spoiling(
        ACCEPTED, lambda record, pick: _changed(record, customer=f'"X{pick % 10_000_000:07d}"', account="null")
    ),
    "stray_text": Spoiling(ACCEPTED, _stray_text),
    "date_format": Spoiling(ACCEPTED, _date_format),
    "country_name": Spoiling(ACCEPTED, _country_name),
    "unknown_field": Spoiling(ACCEPTED, _unknown_field),
}
"""Kinds that change a record; late and repeated ones are in `transaction_feed`."""


def sent_again(record: Record, pick: int) -> str:
    """The same record with its fields in another order and other blanks between them."""
    names = list(record)
    turn = 1 + pick % (len(names) - 1)
    reordered = {name: record[name] for name in names[turn:] + names[:turn]}
    return text_of(reordered, ", ", " : " if pick % 2 else ": ")
