"""What was reported of transactions, and when each was known to be fraud by that."""

from collections.abc import Callable

from common.features.timeline import NEVER

Span = tuple[int, int]
"""From when on a transaction was known to be fraud, and from when on it wasn't any more (`NEVER`: it still is)."""


class Reports:
    """Labels by transaction, each once however often it comes."""

    def __init__(self) -> None:
        self._labels: dict[str, set[tuple[int, bool]]] = {}

    def __contains__(self, id_: str) -> bool:
        """Whether anything was reported of the transaction."""
        return id_ in self._labels

    def add(self, id_: str, reported_at: int, *, is_fraud: bool) -> None:
        """Notes a label: what was stated at a time, in microseconds."""
        self._labels.setdefault(id_, set()).add((reported_at, is_fraud))

    def spans(self, id_: str) -> tuple[Span, ...]:
        """When the transaction was known to be fraud, by the rule of `known_frauds`."""
        labels = sorted(self._labels.get(id_, ()))  # as REPORT_ORDER has it
        ends = [time for time, _ in labels[1:]] + [NEVER]
        pairs = zip(labels, ends, strict=False)
        return tuple((time, end) for (time, is_fraud), end in pairs if is_fraud and time != end)

    def forget(self, until: int, is_there: Callable[[str], object]) -> None:
        """Drops what was reported up to a time of transactions that aren't there."""
        gone = [
            id_
            for id_, labels in self._labels.items()
            if not is_there(id_) and all(reported_at <= until for reported_at, _ in labels)
        ]
        for id_ in gone:
            del self._labels[id_]


def first_difference(old: tuple[Span, ...], new: tuple[Span, ...]) -> int | None:
    """The earliest time at which the two say something else; None where they are equal."""
    return min((time for time, _ in _steps(old) ^ _steps(new)), default=None)


def _steps(spans: tuple[Span, ...]) -> set[tuple[int, bool]]:
    return {(time, begins) for span in spans for time, begins in zip(span, (True, False), strict=True)}
