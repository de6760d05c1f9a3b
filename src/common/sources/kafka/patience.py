"""How long a server is given to answer: less for a while after it didn't, as all feeds of a connection ask it."""

import time

PATIENCE_SECONDS = 10.0
"""How long it is given to answer."""
PATIENCE_AGAIN_SECONDS = 2.0
"""The same after it didn't answer: enough for one that is back."""
REMEMBERED_SECONDS = 60.0

_silent_since: dict[str, float] = {}


def was_silent(server: str) -> bool:
    """Whether it didn't answer lately, and hasn't since."""
    since = _silent_since.get(server)
    return since is not None and time.monotonic() - since < REMEMBERED_SECONDS


def patience(server: str) -> float:
    """How many seconds it is given now."""
    return PATIENCE_AGAIN_SECONDS if was_silent(server) else PATIENCE_SECONDS


def note_silence(server: str) -> None:
    """Notes that it didn't answer."""
    _silent_since[server] = time.monotonic()


def note_answer(server: str) -> None:
    """Notes that it did."""
    _silent_since.pop(server, None)
