"""When a task runs, given how those before it ended: the `run_if` of Databricks jobs.

https://docs.databricks.com/aws/en/jobs/run-if: where the condition isn't met, a task is UPSTREAM_FAILED, or EXCLUDED
if its condition is one that handles failures. An excluded task counts as successful for those after it, but when all
of them are excluded, so is the task. What was not selected for this run counts as successful: it ran before.
"""

from collections.abc import Callable, Mapping, Sequence

from local.run.run_record import EXCLUDED, FAILURES, RUNNING, UPSTREAM_FAILED

_CONDITIONS: Mapping[str, Callable[[int, int], bool]] = {
    # of the numbers that ended well and that failed
    "ALL_SUCCESS": lambda _good, bad: bad == 0,
    "AT_LEAST_ONE_SUCCESS": lambda good, _bad: good > 0,
    "NONE_FAILED": lambda _good, bad: bad == 0,
    "ALL_DONE": lambda _good, _bad: True,
    "AT_LEAST_ONE_FAILED": lambda _good, bad: bad > 0,
    "ALL_FAILED": lambda good, _bad: good == 0,
}
_HANDLES_FAILURES = ("AT_LEAST_ONE_FAILED", "ALL_FAILED")


def decide(run_if: str, upstream: Sequence[str]) -> str:
    """RUNNING when the task is to run, else the state that it ends in. Without upstream tasks it always runs."""
    if not upstream:
        return RUNNING
    if all(state == EXCLUDED for state in upstream):
        return EXCLUDED
    bad = sum(state in FAILURES for state in upstream)
    if _CONDITIONS[run_if](len(upstream) - bad, bad):
        return RUNNING
    return EXCLUDED if run_if in _HANDLES_FAILURES else UPSTREAM_FAILED
