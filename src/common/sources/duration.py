"""Durations as people write them in a declaration: `30 seconds`, `5 minutes`, `1 hour`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = ("second", "minute", "hour", "day")


def _duration(given: Any) -> timedelta:
    if isinstance(given, timedelta):
        return given
    match = re.fullmatch(rf"([0-9]{{1,6}}) ({'|'.join(_UNITS)})s?", given) if isinstance(given, str) else None
    if match is None:
        raise ValueError(f"{given!r} is no duration; write a number and its unit, such as 30 seconds or 5 minutes")
    return timedelta(**{f"{match[2]}s": int(match[1])})


def _text(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} seconds"


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(_text, return_type=str)]
"""A number of seconds, minutes, hours or days."""
