"""A run of a deployed job, as far as it is known here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.run.run_record import RUNNING, SUCCESS, TaskRecord, run_command, ways_on


@dataclass
class RemoteRun:
    """What is known of a run on Databricks; its page there knows the rest."""

    run_id: str
    job: str
    target: str
    url: str
    tasks: dict[str, TaskRecord]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = RUNNING
    ended: datetime | None = None
    reason: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    def task(self, key: str) -> TaskRecord:
        """The record of a task, made where the deployed job has one that this checkout's job hasn't."""
        if key not in self.tasks:
            # A new mapping: another thread may be drawing the old one.
            self.tasks = {**self.tasks, key: TaskRecord(key)}
        return self.tasks[key]

    def next_steps(self) -> list[tuple[str, str]]:
        """The run's page, and how to go on."""
        steps = [("run page", self.url)]
        steps += ways_on(self.tasks.values(), run_command(self.job, self.given, "--target", self.target))
        if self.state == SUCCESS:
            steps.append(("what is deployed", f"databricks bundle summary -t {self.target}"))
        return steps

    def goes_on(self) -> str:
        """Where to see it and how to end it, when nobody follows it any more."""
        return f"the run goes on: {self.url} (to end it: databricks jobs cancel-run {self.run_id})"
