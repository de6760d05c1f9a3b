"""Records on their way: each with the day that it arrives on, and what became of it on the way."""

from collections import defaultdict
from dataclasses import dataclass

ACCEPTED, DUPLICATE, QUARANTINED = "accepted", "duplicate", "quarantined"
"""What a pipeline should do with a record."""


@dataclass(frozen=True)
class Arrival:
    """One record as text, with its key, the kind of dirt on it (empty: none) and what should become of it."""

    text: str
    key: str
    kind: str = ""
    outcome: str = ACCEPTED


@dataclass(frozen=True)
class Dirt:
    """One dirty, late or repeated record in a landing file; `record` counts from 1."""

    entity: str
    file: str
    record: int
    key: str
    kind: str
    outcome: str


class Post:
    """What was sent earlier and arrives later."""

    def __init__(self) -> None:
        self._by_day: defaultdict[int, list[Arrival]] = defaultdict(list)

    def send(self, day: int, arrival: Arrival) -> None:
        """Has a record arrive on a day."""
        self._by_day[day].append(arrival)

    def arriving(self, day: int) -> list[Arrival]:
        """The records of a day, in the order in which they were sent; each is given out once."""
        return self._by_day.pop(day, [])
