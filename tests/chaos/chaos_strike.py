"""What one attempt to strike the job came to, and whether all the kills that were asked for happened."""

from collections.abc import Iterable
from dataclasses import dataclass

from chaos_moments import Moment


class ChaosError(AssertionError):
    """The job did not do what it must: shown with the last lines of its log. Or chaos did not do what it must."""


@dataclass(frozen=True)
class Strike:
    """What one attempt came to: the moment that was meant, what it hit, and how long the attempt took."""

    round: int
    moment: Moment
    outcome: str
    hit: tuple[str, ...]
    processes: int
    seconds: float

    @property
    def is_kill(self) -> bool:
        """Whether a job that had work left was killed."""
        return self.moment.effect == "kill" and self.outcome.startswith("killed")

    def __str__(self) -> str:
        hit = ", ".join(self.hit) or "between two steps"
        what = f"{self.moment}: {self.outcome} ({hit})"
        return f"round {self.round}: {what}, {self.processes} processes, {self.seconds:.0f} s"


def require_kills(strikes: Iterable[Strike], wanted: int) -> None:
    """Nothing is proved by kills that did not happen.

    Raises:
        ChaosError: fewer jobs were killed than was wanted.
    """
    happened = sum(strike.is_kill for strike in strikes)
    if happened < wanted:
        raise ChaosError(f"{happened} kills happened, {wanted} were asked for: the others came after the job's end")
