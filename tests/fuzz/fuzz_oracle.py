"""What may be accepted, in plain Python: the contract's checks again, and that no value was changed on the way."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from common.contracts.table import Table

_ID = re.compile(r"[^\W_][\w.:-]{0,63}|[+-][0-9]{1,63}")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SPACE = re.compile(r"[\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def broken_checks(table: Table, row: dict[str, Any], now: datetime) -> list[str]:
    """Names of the contract's checks that an accepted row breaks.

    Raises:
        KeyError: the contract has a check that is not known here; add it.
    """
    return [check.name for check in table.checks if not _holds(check.name, row, now)]


def _holds(name: str, row: dict[str, Any], now: datetime) -> bool:
    column, _, rule = _split(name)
    value = row.get(column)
    if rule == "required":
        return value is not None
    if value is None:
        return True
    if row.get("is_deleted") and rule != "format":
        return True
    return bool(_RULES[rule if rule in _RULES else name](value, now))


def _split(name: str) -> tuple[str, str, str]:
    for rule in ("required", "format", "in_range", "not_negative", "at_most", "one_of"):
        if name.endswith(f"_{rule}"):
            column = name.removesuffix(f"_{rule}")
            if rule in ("in_range", "one_of") or name in ("email_format", "category_code_format"):
                return column, "_", name
            return column, "_", rule
    raise KeyError(f"the oracle does not know the check {name}")


def _plausible(value: datetime, now: datetime) -> bool:
    return datetime(1990, 1, 1, tzinfo=UTC) <= _utc(value) <= now + timedelta(days=2)


_RULES: dict[str, Any] = {
    "format": lambda value, now: _ID.fullmatch(value),
    "not_negative": lambda value, now: value >= 0,
    "at_most": lambda value, now: value <= 10_000_000,
    "event_time_in_range": _plausible,
    "changed_at_in_range": _plausible,
    "reported_at_in_range": _plausible,
    "birth_date_in_range": lambda value, now: date(1900, 1, 1) <= value <= now.date(),
    "latitude_in_range": lambda value, now: -90 <= value <= 90,
    "longitude_in_range": lambda value, now: -180 <= value <= 180,
    "channel_one_of": lambda value, now: value in ("card_present", "online", "atm"),
    "email_format": lambda value, now: (
        value.count("@") == 1 and " " not in value and re.search(r".@.+\..", value, re.DOTALL)
    ),
}


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def changed_values(map_: dict[str, str], payload: str, row: dict[str, Any]) -> list[str]:
    """Columns whose value isn't what the payload says, by rules simpler than the lakehouse's own.

    Checked are ids (white space aside, as written), numbers (equal), times in the usual ISO form, booleans, and that
    a column has a value where the record has one.
    """
    record = read_payload(payload)
    return [column for column, field in map_.items() if not _same(column, record.get(field), row.get(column))]


def read_payload(payload: str) -> dict[str, str | None]:
    """The record's fields as text, for a payload that Python's json reads with every key once."""

    def only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    read = json.loads(payload, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=only_once)
    if not isinstance(read, dict):
        raise ValueError("no object")
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in read.items()}


def _same(column: str, given: Any, stored: Any) -> bool:  # noqa: PLR0911 - one line a type
    plain = None if given is None else _SPACE.sub(" ", str(given)).strip(" ") or None
    if plain is None:
        return stored is None or (column == "is_deleted" and stored is False)
    if stored is None:
        return False
    if column.endswith("_id"):
        return bool(stored == plain)
    if isinstance(stored, bool):
        return stored == (plain.lower() in ("true", "t", "yes", "y", "1"))
    if isinstance(stored, Decimal | float):
        try:
            return abs(Decimal(plain) - Decimal(stored)) <= max(
                Decimal("1e-10"), abs(Decimal(stored)) * Decimal("1e-15")
            )
        except InvalidOperation:
            return False
    if isinstance(stored, datetime) and (found := _ISO.fullmatch(plain)):
        return _instant(found) == _utc(stored)
    return True


def _instant(found: re.Match[str]) -> datetime:
    *parts, fraction, zone = found.groups()
    micros = int((fraction or "").ljust(6, "0"))
    moment = datetime(*map(int, parts), micros, tzinfo=UTC)  # type: ignore[misc]
    if zone in (None, "Z"):
        return moment
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return moment - shift if zone[0] == "+" else moment + shift
