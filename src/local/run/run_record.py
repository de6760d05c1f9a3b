"""What a run leaves behind: run.json beside the executed notebooks, kept up to date while it goes."""

import secrets
import shlex
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.result import UP_TO_DATE
from local.processes import ProcessIdentity
from local.workspace import Workspace, read_json, shown_path, write_json

PENDING, RUNNING, SUCCESS = "PENDING", "RUNNING", "SUCCESS"
FAILED, TIMEDOUT, CANCELED = "FAILED", "TIMEDOUT", "CANCELED"
UPSTREAM_FAILED, EXCLUDED, NOT_SELECTED = "UPSTREAM_FAILED", "EXCLUDED", "NOT_SELECTED"
ABANDONED = "ABANDONED"

FAILURES = frozenset({FAILED, TIMEDOUT, CANCELED, UPSTREAM_FAILED})
"""States that a task which waits for this one sees as failed."""


@dataclass
class TaskRecord:
    """One task of a run; rows are those that its notebook published. One that is up to date had nothing to do.

    What a person opens to see more is the executed notebook's file, or on Databricks the page of the task's run.
    """

    key: str
    state: str = PENDING
    attempts: int = 0
    started: datetime | None = None
    seconds: float | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    note: str = ""
    up_to_date: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None
    notebook: str = ""
    page: str = ""

    def take_result(self, result: dict[str, Any]) -> None:
        """Takes over what the notebook published."""
        self.rows_in, self.rows_out = result.get("rows_in"), result.get("rows_out")
        self.up_to_date = bool(result.get(UP_TO_DATE))
        self.note, self.facts = str(result.get("note") or ""), dict(result.get("facts") or {})


@dataclass
class RunRecord:
    """A run of a job; `given` are the parameters that a person gave, of all that it has."""

    run_id: str
    job: str
    parameters: dict[str, str]
    tasks: dict[str, TaskRecord]
    folder: Path
    started: datetime
    state: str = RUNNING
    ended: datetime | None = None
    reason: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    def next_steps(self) -> list[tuple[str, str]]:
        """Where the executed notebooks are, and how to go on."""
        steps = [
            ("executed notebooks", shown_path(self.folder)),
            *ways_on(self.tasks.values(), run_command(self.job, self.given)),
        ]
        if self.state == SUCCESS:
            steps += [
                ("experiments and models", "make ui"),
                ("notebooks by hand", "make lab"),
                ("tables", 'lakehouse sql "SELECT * FROM gold.fraud_transactions LIMIT 3"'),
            ]
        return steps

    @contextmanager
    def changed(self) -> Iterator[None]:
        """Holds the record while it is changed, then writes run.json."""
        with self._lock:
            yield
            self._write()

    def _write(self) -> None:
        write_json(
            self.folder / "run.json",
            {
                "run_id": self.run_id,
                "job": self.job,
                "state": self.state,
                "started": _iso(self.started),
                "ended": _iso(self.ended),
                "seconds": round(self.seconds, 1),
                "parameters": self.parameters,
                "process": ProcessIdentity.of().as_json(),
                "tasks": [asdict(task) | {"started": _iso(task.started)} for task in self.tasks.values()],
            },
        )


def run_command(job: str, given: Mapping[str, str], *options: str) -> str:
    """What a person types, in a shell, to run a job with these parameters."""
    parameters = [part for name, value in given.items() for part in ("--param", f"{name}={value}")]
    return shlex.join(["lakehouse", "run", job, *options, *parameters])


def ways_on(tasks: Iterable[TaskRecord], command: str) -> list[tuple[str, str]]:
    """How to go on after a failure with the command that runs the job: from the task that failed, or with all."""
    failed = [task.key for task in tasks if task.state in (FAILED, TIMEDOUT, CANCELED)]
    if len(failed) == 1:
        return [("go on from there", f"{command} --from {failed[0]}")]
    # From one of them, the others would count as done; running finished tasks again costs little.
    return [("run it again", command)] if failed else []


def new_run_id(now: datetime) -> str:
    """An id that sorts by time, such as 20261121T071500-ab12."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def attempt_path(folder: Path, key: str, attempt: int) -> Path:
    """Where an attempt's executed notebook goes."""
    return folder / (f"{key}.ipynb" if attempt == 1 else f"{key}.attempt-{attempt}.ipynb")


def mark_abandoned(workspace: Workspace, run_id: str) -> None:
    """Notes in a run's record that its process ended without finishing it."""
    file = workspace.runs / run_id / "run.json"
    content = read_json(file)
    if not isinstance(content, dict) or content.get("state") != RUNNING:
        return
    content["state"] = ABANDONED
    for task in content.get("tasks", []):
        if task.get("state") in (RUNNING, PENDING):
            task["state"] = CANCELED
    write_json(file, content)


def last_runs(workspace: Workspace, count: int) -> list[dict[str, Any]]:
    """The records of the newest runs, newest first; one whose process is gone doesn't count as running."""
    found: list[dict[str, Any]] = []
    for folder in sorted(workspace.runs.glob("*T*-*"), reverse=True)[:count]:
        content = read_json(folder / "run.json")
        if isinstance(content, dict):
            process = ProcessIdentity.from_json(content.get("process"))
            if content.get("state") == RUNNING and (process is None or not process.is_alive()):
                content["state"] = ABANDONED
            found.append(content | {"folder": shown_path(folder)})
    return found


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="milliseconds") if time else None
