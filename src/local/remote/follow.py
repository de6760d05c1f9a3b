"""Asks for the state of a run again and again, until it has ended."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from databricks.sdk.service.jobs import Run, RunTask

from local.remote.connection import Connection
from local.remote.patience import Patience
from local.remote.record import RemoteRun
from local.remote.states import has_ended, message_of, queue_reason, state_of
from local.remote.tasks import TaskFollower
from local.run import run_record as states
from local.run.reporting import Reporter


class RemoteReporter(Reporter, Protocol):
    """Shows a run on Databricks, and what happens to the connection."""

    def notice(self, text: str) -> None:
        """Shows what a person should know at once."""


@dataclass(frozen=True)
class Follower:
    """Follows one run, and takes what is new into its record."""

    connection: Connection
    patience: Patience
    reporter: RemoteReporter
    run: RemoteRun
    poll_seconds: float

    def follow(self) -> None:
        """Returns when the run has ended.

        Raises:
            NoAnswerError: the workspace doesn't answer.
            DatabricksError: it doesn't answer for the run any more.

        """
        answer = self._ask()
        self.run.url = answer.run_page_url or self.run.url
        self.reporter.notice(f"run page: {self.run.url}")
        if reason := queue_reason(answer):
            self.reporter.notice(f"waits in the queue: {reason}")
        self.reporter.run_started(self.run)
        try:
            self._take(answer)
            while not has_ended(answer):
                self.connection.clock.sleep(self.poll_seconds)
                answer = self._ask()
                self._take(answer)
            self._close(answer)
        finally:
            self.reporter.run_ended(self.run)

    def _ask(self) -> Run:
        return self.patience.ask(lambda: self.connection.client.jobs.get_run(int(self.run.run_id)))

    def _take(self, answer: Run) -> None:
        follower = TaskFollower(self.connection.client, self.patience, self.reporter)
        attempts = _attempts_by_key(answer.tasks or [])
        known = [key for key in self.run.tasks if key in attempts]  # in an order in which causes come before effects
        for key in (*known, *(attempts.keys() - self.run.tasks.keys())):
            follower.take(self.run.task(key), attempts[key], is_over=has_ended(answer))

    def _close(self, answer: Run) -> None:
        run = self.run
        for task in run.tasks.values():
            # The end of these is unknown: what never began is no task of the deployed job.
            task.state = {states.RUNNING: states.CANCELED, states.PENDING: states.NOT_SELECTED}.get(
                task.state, task.state
            )
        run.state = state_of(answer)
        if answer.start_time and answer.end_time:
            run.started, run.ended = _time(answer.start_time), _time(answer.end_time)
        run.ended = run.ended or datetime.now(UTC)
        if run.state != states.SUCCESS and not any(task.error for task in run.tasks.values()):
            run.reason = message_of(answer)


def _attempts_by_key(tasks: list[RunTask]) -> dict[str, list[RunTask]]:
    """The attempts of a run by task key, the newest last; the API promises no order."""
    found: dict[str, list[RunTask]] = {}
    for task in sorted(tasks, key=lambda task: (task.attempt_number or 0, task.start_time or 0)):
        found.setdefault(task.task_key, []).append(task)
    return found


def _time(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
