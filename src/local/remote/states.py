"""The states of a run or task on Databricks in the words of local runs.

The API gives a state twice: as `state`, which is deprecated but distinguishes a timeout and a failure upstream, and as
`status`, which doesn't. The first counts where it is there. A state that this SDK doesn't know arrives as None.
"""

from collections.abc import Mapping

from databricks.sdk.service.jobs import (
    Run,
    RunLifeCycleState,
    RunLifecycleStateV2State,
    RunResultState,
    RunTask,
    TerminationCodeCode,
)

from local.run import run_record as states

_RESULTS: Mapping[RunResultState, str] = {
    RunResultState.SUCCESS: states.SUCCESS,
    # A local run in which a task failed has failed, even where a later task handled that.
    RunResultState.SUCCESS_WITH_FAILURES: states.FAILED,
    RunResultState.FAILED: states.FAILED,
    RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED: states.FAILED,
    RunResultState.TIMEDOUT: states.TIMEDOUT,
    RunResultState.CANCELED: states.CANCELED,
    RunResultState.UPSTREAM_FAILED: states.UPSTREAM_FAILED,
    RunResultState.UPSTREAM_CANCELED: states.UPSTREAM_FAILED,
    RunResultState.EXCLUDED: states.EXCLUDED,
    RunResultState.DISABLED: states.NOT_SELECTED,
}
_LIFE_CYCLE: Mapping[RunLifeCycleState, str] = {
    RunLifeCycleState.BLOCKED: states.PENDING,
    RunLifeCycleState.QUEUED: states.PENDING,
    RunLifeCycleState.PENDING: states.PENDING,
    RunLifeCycleState.RUNNING: states.RUNNING,
    RunLifeCycleState.TERMINATING: states.RUNNING,
    RunLifeCycleState.WAITING_FOR_RETRY: states.RUNNING,
    RunLifeCycleState.SKIPPED: states.UPSTREAM_FAILED,
    RunLifeCycleState.INTERNAL_ERROR: states.FAILED,
}
_STATUS: Mapping[RunLifecycleStateV2State, str] = {
    RunLifecycleStateV2State.BLOCKED: states.PENDING,
    RunLifecycleStateV2State.QUEUED: states.PENDING,
    RunLifecycleStateV2State.PENDING: states.PENDING,
    RunLifecycleStateV2State.RUNNING: states.RUNNING,
    RunLifecycleStateV2State.TERMINATING: states.RUNNING,
    RunLifecycleStateV2State.WAITING: states.RUNNING,
}
_CODES: Mapping[TerminationCodeCode, str] = {
    TerminationCodeCode.SUCCESS: states.SUCCESS,
    TerminationCodeCode.USER_CANCELED: states.CANCELED,
    TerminationCodeCode.CANCELED: states.CANCELED,
    TerminationCodeCode.SKIPPED: states.UPSTREAM_FAILED,
    TerminationCodeCode.DISABLED: states.NOT_SELECTED,
}
_OVER = (RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR)


def has_ended(run: Run | RunTask) -> bool:
    """Whether nothing more will happen to it."""
    return (run.state is not None and run.state.life_cycle_state in _OVER) or (
        run.status is not None and run.status.state is RunLifecycleStateV2State.TERMINATED
    )


def state_of(run: Run | RunTask) -> str:
    """Its state as one of `local.run.run_record`."""
    if has_ended(run):
        return _end_of(run)
    found = None
    if run.state is not None and run.state.life_cycle_state is not None:
        found = _LIFE_CYCLE.get(run.state.life_cycle_state)
    if found is None and run.status is not None and run.status.state is not None:
        found = _STATUS.get(run.status.state)
    return found or states.PENDING


def message_of(run: Run | RunTask) -> str:
    """What Databricks says of the state; empty where it says nothing."""
    details = run.status.termination_details if run.status else None
    return (run.state.state_message if run.state else "") or (details.message if details else "") or ""


def queue_reason(run: Run) -> str:
    """Why a run hasn't begun yet; empty where it has."""
    details = run.status.queue_details if run.status else None
    return (details.message if details else "") or (run.state.queue_reason if run.state else "") or ""


def _end_of(run: Run | RunTask) -> str:
    """How it ended; without a result it is a failure, unless the way in which it ended says otherwise."""
    old = run.state
    if old is not None and old.result_state is not None:
        return _RESULTS.get(old.result_state, states.FAILED)
    if old is not None and old.life_cycle_state is not None and old.life_cycle_state in _LIFE_CYCLE:
        return _LIFE_CYCLE[old.life_cycle_state]
    details = run.status.termination_details if run.status else None
    return _CODES.get(details.code, states.FAILED) if details and details.code else states.FAILED
