"""A run on Databricks, started and watched until it ends."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.errors.platform import (
    DeadlineExceeded,
    InternalError,
    ResourceExhausted,
    TemporarilyUnavailable,
    TooManyRequests,
)
from databricks.sdk.service.jobs import Run as ApiRun
from databricks.sdk.service.jobs import RunTask
from requests.exceptions import RequestException

from common.errors import RemoteError
from local import run_record as states
from local.remote.api_states import state_of
from local.remote.remote_run import RemoteRun
from local.reporting import Reporter
from local.run_record import TaskRecord

_PASSING = (
    RequestException,
    TimeoutError,
    InternalError,
    TemporarilyUnavailable,
    TooManyRequests,
    DeadlineExceeded,
    ResourceExhausted,
)
"""Failures of one request that say nothing of the run."""
_LONGEST_PAUSE_SECONDS = 30.0
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Watch:
    """How a run is watched: the pause between looks, and how long nothing may answer."""

    poll_seconds: float = 5.0
    patience_seconds: float = 600.0


def start(
    client: WorkspaceClient, job_id: int, parameters: Mapping[str, str], only: list[str] | None, watch: Watch
) -> int:
    """Starts the job once, however often the request has to be sent; the run's id.

    Raises:
        RemoteError: the workspace refuses it, or doesn't answer.
    """
    token = uuid4().hex
    given = dict(parameters) or None
    started = _answered(
        lambda: client.jobs.run_now(job_id, job_parameters=given, only=only, idempotency_token=token),
        watch,
        lambda: None,
        f"job {job_id} could not be started",
    )
    return int(started.run_id)


def follow(client: WorkspaceClient, run: RemoteRun, reporter: Reporter, watch: Watch) -> RemoteRun:
    """Tells the reporter of every change until the run has ended, and notes it in `run`.

    A KeyboardInterrupt ends the watching, not the run.

    Raises:
        RemoteError: nothing answered for longer than `patience_seconds`, or the run may not be seen any more.
    """
    reporter.run_started(run)
    reporter.notice(f"page: {run.page}")
    try:
        while run.state == states.RUNNING:
            _look(client, run, reporter, watch)
            if run.state == states.RUNNING:
                time.sleep(watch.poll_seconds)
    except KeyboardInterrupt:
        reporter.notice(f"it goes on: {run.page}; to end it: databricks jobs cancel-run {run.run_id}")
        raise
    finally:
        reporter.run_ended(run)
    return run


def _look(client: WorkspaceClient, run: RemoteRun, reporter: Reporter, watch: Watch) -> None:
    found = _answered(
        lambda: client.jobs.get_run(int(run.run_id)),
        watch,
        lambda: reporter.notice(f"no answer from {client.config.host}, trying again"),
        f"the run goes on unwatched, see {run.page}",
    )
    for task in _newest_attempts(found):
        record = run.tasks.setdefault(task.task_key, TaskRecord(task.task_key))
        state, attempts = state_of(task), (task.attempt_number or 0) + 1
        if (state, attempts) == (record.state, record.attempts or attempts):
            continue
        if task.start_time and state != states.PENDING:
            record.started = datetime.fromtimestamp(task.start_time / 1000, UTC)
            record.attempts = attempts
        record.state, record.page = state, task.run_page_url or ""
        if state not in (states.PENDING, states.RUNNING):
            _take_end(client, task, record)
        reporter.task_changed(record)
    state = state_of(found)
    if state not in (states.PENDING, states.RUNNING):
        run.ended = datetime.now(UTC)
        run.reason = "" if state == states.SUCCESS else ((found.state and found.state.state_message) or "")
        run.state = state


def _newest_attempts(run: ApiRun) -> list[RunTask]:
    newest: dict[str, RunTask] = {}
    for task in run.tasks or []:
        held = newest.get(task.task_key)
        if held is None or (task.attempt_number or 0) >= (held.attempt_number or 0):
            newest[task.task_key] = task
    return list(newest.values())


def _take_end(client: WorkspaceClient, task: RunTask, record: TaskRecord) -> None:
    if task.end_time and task.start_time:
        record.seconds = (task.end_time - task.start_time) / 1000
    if task.run_id is None or record.state not in (states.SUCCESS, states.FAILED, states.TIMEDOUT, states.CANCELED):
        return
    message = (task.state and task.state.state_message) or ""
    try:
        output = client.jobs.get_run_output(task.run_id)
    except (*_PASSING, DatabricksError) as error:
        # What a task said is no reason to stop watching the others.
        record.error = None if record.state == states.SUCCESS else _error(message or str(error), "")
        return
    if output.notebook_output and not output.notebook_output.truncated:
        record.take_result(_result(output.notebook_output.result))
    record.error = None
    if record.state != states.SUCCESS:
        record.error = _error(output.error or message, output.error_trace or "")


def _error(message: str, trace: str) -> dict[str, str]:
    return {"message": message, "cell": "", "trace": trace}


def _result(text: str | None) -> dict[str, Any]:
    """What the notebook ended with, where that is what `Lakehouse.result` gives; nothing else is of use here."""
    try:
        content = json.loads(text or "")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _answered(ask: Callable[[], Answer], watch: Watch, on_silence: Callable[[], None], otherwise: str) -> Answer:
    """The answer to a request that is sent again and again while the way to the workspace is down."""
    deadline, pause, is_told = time.monotonic() + watch.patience_seconds, watch.poll_seconds, False
    while True:
        try:
            return ask()
        except _PASSING as error:
            if not is_told:
                on_silence()
                is_told = True
            if time.monotonic() + pause > deadline:
                silence = f"nothing answered for {watch.patience_seconds:.0f} s ({type(error).__name__}: {error})"
                raise RemoteError(f"{silence}: {otherwise}") from None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        except DatabricksError as error:
            raise RemoteError(f"the workspace refuses: {error}: {otherwise}") from None
