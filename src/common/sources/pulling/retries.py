"""Tries again what a server failed at, with growing pauses, and says so; bounded, for a job has its own retries."""

from collections.abc import Callable
from typing import Any, TypeVar

from common.errors import FeedError, first_line
from common.sources.clients import client
from common.sources.feed import Tell

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

Result = TypeVar("Result")


def patiently(
    step: Callable[[], Result], doing: str, passing: Callable[[BaseException], bool], tell: Tell, extra: str
) -> Result:
    """The step's result, which is tried again after failures that may pass.

    `doing` names the server and what is done there; `extra` is the package's extra that brings tenacity.

    Raises:
        FeedError: it failed as often as is allowed; the message names the server and what was being done.
    """
    tenacity = client("tenacity", extra)

    def say(state: Any) -> None:
        error, pause = state.outcome.exception(), state.next_action.sleep
        tell(f"{doing}: {words_of(error)}; attempt {state.attempt_number + 1} of {ATTEMPTS} follows in {pause:.0f} s")

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(
            multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS, jitter=FIRST_PAUSE_SECONDS
        ),
        retry=tenacity.retry_if_exception(passing),
        before_sleep=say,
        reraise=True,
    )
    try:
        result: Result = retrying(step)
    except Exception as error:
        if not passing(error):
            raise
        raise FeedError(
            f"{doing}: {words_of(error)}, {ATTEMPTS} times. What was pulled before stays, and the next run goes on "
            "there"
        ) from error
    return result


def words_of(error: BaseException) -> str:
    """A failure in words. The end of a connection has none of its own."""
    return "the connection was cut" if isinstance(error, EOFError) else first_line(error)
