"""Times as PostgreSQL counts them here: microseconds since 1970."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(micros: int) -> datetime:
    """The time, UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def time_text(micros: int) -> str:
    """The time as ISO 8601 in UTC, with microseconds."""
    return time_of(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")
