"""How long brokers are given to answer: less for a while after they didn't, as all feeds of a connection ask them."""

import time

PATIENCE_SECONDS = 10.0
"""How long brokers are given to answer, with all tries."""
PATIENCE_AGAIN_SECONDS = 2.0
"""The same after they didn't answer: enough for brokers that are back."""
REMEMBERED_SECONDS = 60.0

Brokers = tuple[str, str]
"""Addresses, and the way of security."""
_silent_since: dict[Brokers, float] = {}


def patience(brokers: Brokers) -> float:
    """How many seconds they are given now."""
    since = _silent_since.get(brokers)
    is_recent = since is not None and time.monotonic() - since < REMEMBERED_SECONDS
    return PATIENCE_AGAIN_SECONDS if is_recent else PATIENCE_SECONDS


def were_silent(brokers: Brokers) -> None:
    """Notes that they didn't answer."""
    _silent_since[brokers] = time.monotonic()


def answered(brokers: Brokers) -> None:
    """Notes that they did."""
    _silent_since.pop(brokers, None)
