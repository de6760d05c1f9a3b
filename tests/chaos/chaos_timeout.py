"""The main job, with a time limit on one task that is too short for it: as `lakehouse run` would run such a job."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace

from common.settings import repository
from local.jobs.bundle import load_bundle
from local.jobs.job import load_job
from local.run.run_record import FAILED, SUCCESS, TIMEDOUT, RunRecord, TaskRecord
from local.run.runner import RunOptions, run_job
from local.spark_server import attached
from local.workspace import current_workspace

OUTCOMES = {0: "the task was ended by its time limit", 3: "the task was quicker"}
"""What the exit status says. Any other, such as Python's 1 after an exception, says that the job failed."""


class _Quiet:
    def run_started(self, run: RunRecord) -> None: ...

    def task_changed(self, task: TaskRecord, cell: tuple[int, int] | None = None) -> None: ...

    def run_ended(self, run: RunRecord) -> None:
        for task in run.tasks.values():
            print(task.key, task.state, task.seconds, flush=True)


def main() -> int:
    """Runs the job; a key of OUTCOMES, or 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    job = load_job(load_bundle(repository()), "lakehouse")
    limited = replace(job.task(options.task), timeout_seconds=options.seconds, max_retries=0)
    job = replace(job, tasks=tuple(limited if task.key == limited.key else task for task in job.tasks))
    workspace = current_workspace().create()
    given = dict(text.split("=", 1) for text in options.param)
    with attached(workspace) as server:
        record = run_job(workspace, job, RunOptions(given, None, 2, server.remote), _Quiet())
    return exit_status({task.key: task.state for task in record.tasks.values()}, options.task)


def exit_status(states: Mapping[str, str], limited: str) -> int:
    """0 when the limited task was ended by its time limit, 3 when it was quicker; 1 when something else went wrong."""
    if FAILED in states.values():
        return 1
    return {TIMEDOUT: 0, SUCCESS: 3}.get(states[limited], 1)


if __name__ == "__main__":
    sys.exit(main())
