"""Identifiers and points in time as texts."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def customer_id(number: int) -> str:
    """The id of a customer by their number."""
    return f"C{number:07d}"


def account_id(number: int) -> str:
    """The id of an account by its number."""
    return f"A{number:07d}"


def merchant_id(number: int) -> str:
    """The id of a merchant by its number."""
    return f"M{number:06d}"


def terminal_id(number: int) -> str:
    """The id of a terminal by its number."""
    return f"P{number:07d}"


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a point in time, UTC."""
    return _EPOCH + timedelta(seconds=int(seconds))


def iso(seconds: int) -> str:
    """Seconds since 1970 as 2025-06-01T12:34:56Z."""
    return f"{moment(seconds):%Y-%m-%dT%H:%M:%SZ}"


def units(cents: int) -> str:
    """Hundredths as a number with two decimals."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
