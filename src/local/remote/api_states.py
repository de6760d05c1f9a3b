"""States of the Jobs API in the words of a local run."""

from databricks.sdk.service.jobs import Run, RunLifeCycleState, RunResultState, RunTask

from local import run_record as states

_WAITING = frozenset({"PENDING", "QUEUED", "BLOCKED", "WAITING_FOR_RETRY"})
_ENDED = {
    RunResultState.SUCCESS: states.SUCCESS,
    RunResultState.SUCCESS_WITH_FAILURES: states.SUCCESS,
    RunResultState.FAILED: states.FAILED,
    RunResultState.TIMEDOUT: states.TIMEDOUT,
    RunResultState.CANCELED: states.CANCELED,
    RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED: states.CANCELED,
    RunResultState.EXCLUDED: states.EXCLUDED,
    RunResultState.UPSTREAM_FAILED: states.UPSTREAM_FAILED,
    RunResultState.UPSTREAM_CANCELED: states.UPSTREAM_FAILED,
    RunResultState.DISABLED: states.NOT_SELECTED,
}
_WITHOUT_RESULT = {
    RunLifeCycleState.SKIPPED: states.UPSTREAM_FAILED,
    RunLifeCycleState.INTERNAL_ERROR: states.FAILED,
    RunLifeCycleState.TERMINATED: states.FAILED,
}


def state_of(run: Run | RunTask) -> str:
    """The state of a run, or of one of its tasks; a state that is not known here counts as running."""
    held = run.state
    if held is None or held.life_cycle_state is None:
        return states.PENDING
    if held.life_cycle_state in _WITHOUT_RESULT:
        result = held.result_state
        return _ENDED[result] if result in _ENDED else _WITHOUT_RESULT[held.life_cycle_state]
    return states.PENDING if held.life_cycle_state.value in _WAITING else states.RUNNING
