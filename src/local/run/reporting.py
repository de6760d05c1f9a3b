"""What of a run is shown, and by whom: the same for a run on this machine and for one on Databricks."""

from collections.abc import Mapping
from typing import Protocol

from local.run.run_record import TaskRecord


class Run(Protocol):
    """A run as reporters and the summary see it."""

    @property
    def run_id(self) -> str:
        """Its id, where it runs."""

    @property
    def job(self) -> str:
        """The job's key."""

    @property
    def tasks(self) -> Mapping[str, TaskRecord]:
        """Its tasks by key."""

    @property
    def state(self) -> str:
        """One of the states of `local.run.run_record`."""

    @property
    def reason(self) -> str:
        """Why the run itself failed, where no task's error says so."""

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""

    def next_steps(self) -> list[tuple[str, str]]:
        """What a person may want next, each with the place or the command that gives it."""


class Reporter(Protocol):
    """Shows a run's progress."""

    def run_started(self, run: Run) -> None:
        """The run begins."""

    def task_changed(self, task: TaskRecord, cell: tuple[int, int] | None = None) -> None:
        """A task began, moved to a cell (number, of how many), is tried again, or ended."""

    def run_ended(self, run: Run) -> None:
        """The run is over."""
