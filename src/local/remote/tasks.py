"""Takes what Databricks reports of a task's attempts into its record, and shows it as for a local run."""

from dataclasses import dataclass
from datetime import UTC, datetime

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import RunTask

from local.remote.output import read_output
from local.remote.patience import Patience
from local.remote.states import state_of
from local.run import run_record as states
from local.run.reporting import Reporter
from local.run.run_record import TaskRecord

_NEVER_RAN = (states.UPSTREAM_FAILED, states.EXCLUDED, states.NOT_SELECTED)


@dataclass(frozen=True)
class TaskFollower:
    """Keeps records of tasks up to date."""

    client: WorkspaceClient
    patience: Patience
    reporter: Reporter

    def take(self, record: TaskRecord, attempts: list[RunTask], *, is_over: bool) -> None:
        """Notes and reports what is new in the attempts, the newest of which comes last; `is_over`: the run is.

        Raises:
            NoAnswerError: the workspace doesn't answer.

        """
        number = (attempts[-1].attempt_number or 0) + 1
        state = _state(attempts[-1], is_over)
        if (state, number) == (record.state, max(record.attempts, 1)):
            return
        if record.state == states.NOT_SELECTED and state in (states.PENDING, *_NEVER_RAN):
            return  # Databricks reports those that weren't asked for in one of these ways
        record.page = attempts[-1].run_page_url or record.page
        if state in (states.PENDING, states.RUNNING):
            self._begin(record, attempts, state, number)
        elif state in _NEVER_RAN:
            record.state = state
            self.reporter.task_changed(record)
        else:
            self._end(record, attempts, state, number)

    def _begin(self, record: TaskRecord, attempts: list[RunTask], state: str, number: int) -> None:
        if len(attempts) > 1:
            record.error = read_output(self.client, self.patience, attempts[-2], states.FAILED).error
        record.state = state
        record.started = record.started or datetime.now(UTC)
        # As in a local run: a report counts the attempts before it.
        record.attempts = number - 1
        self.reporter.task_changed(record)
        record.attempts = number

    def _end(self, record: TaskRecord, attempts: list[RunTask], state: str, number: int) -> None:
        output = read_output(self.client, self.patience, attempts[-1], state)
        record.take_result(output.result)
        record.error = output.error
        record.seconds = _seconds(attempts[0].start_time, attempts[-1].end_time)
        record.attempts, record.state = number, state
        self.reporter.task_changed(record)


def _state(newest: RunTask, is_over: bool) -> str:
    state = state_of(newest)
    return states.RUNNING if not is_over and _is_tried_again(newest, state) else state


def _is_tried_again(newest: RunTask, state: str) -> bool:
    """Whether another attempt is to come: until it is there, the failed one is the newest."""
    if state != states.FAILED and not (state == states.TIMEDOUT and newest.retry_on_timeout):
        return False
    allowed = newest.max_retries or 0
    return allowed < 0 or (newest.attempt_number or 0) < allowed


def _seconds(start_millis: int | None, end_millis: int | None) -> float | None:
    return (end_millis - start_millis) / 1000 if start_millis and end_millis else None
