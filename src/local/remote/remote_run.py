"""A run on Databricks as reporters and the summary see it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from local import run_record as states
from local.run_record import TaskRecord, ways_on


@dataclass
class RemoteRun:
    """A run of a deployed job; `page` is its address in the workspace's pages."""

    run_id: str
    job: str
    target: str
    page: str
    tasks: dict[str, TaskRecord]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = states.RUNNING
    reason: str = ""
    ended: datetime | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    def next_steps(self) -> list[tuple[str, str]]:
        """The run's page, and how to go on."""
        command = f"lakehouse run {self.job} --target {self.target}"
        steps = [("the run's page", self.page), *ways_on(self.tasks.values(), command)]
        return [*steps, ("what is deployed", f"databricks bundle summary -t {self.target}")]
