"""What to do while a workspace doesn't answer: ask again, less and less often, and give up after a while."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from databricks.sdk.clock import Clock
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import DeadlineExceeded, InternalError, TemporarilyUnavailable, TooManyRequests

from common.errors import RemoteError
from local.remote.connection import reason

Answer = TypeVar("Answer")

_PASSING = (InternalError, TemporarilyUnavailable, DeadlineExceeded, TooManyRequests)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0


class NoAnswerError(RemoteError):
    """The workspace didn't answer within the patience."""


@dataclass(frozen=True)
class Patience:
    """Repeats calls to `host` that get no answer, for `seconds` at most; `notice` is called once for each such time."""

    host: str
    clock: Clock
    seconds: float
    notice: Callable[[str], None]

    def ask(self, call: Callable[[], Answer]) -> Answer:
        """The answer of the call.

        Raises:
            NoAnswerError: there was none for too long.
            DatabricksError: the workspace answered with an error.

        """
        pause = _FIRST_PAUSE_SECONDS
        since: float | None = None
        while True:
            try:
                answer = call()
            except OSError as error:  # the SDK's, requests' and Python's own errors of connections all are
                if not _is_passing(error):
                    raise
                if since is None:
                    since = self.clock.time()
                    self.notice(f"no answer from {self.host}, trying again ({reason(error)})")
                if self.clock.time() - since >= self.seconds:
                    raise NoAnswerError(f"no answer from {self.host} for {self.seconds / 60:.0f} minutes") from error
                self.clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            if since is not None:
                self.notice(f"{self.host} answers again")
            return answer


def _is_passing(error: OSError) -> bool:
    """Whether asking again may help. A status that the SDK has no class for is one of gateways, such as 502."""
    return not isinstance(error, DatabricksError) or isinstance(error, _PASSING) or type(error) is DatabricksError
