"""The main job in one process: the code cells of its notebooks, in the job's order, on a Spark server of its own.

`lakehouse run` starts a kernel for each notebook, which takes longer than their work on a small world. What runs here
are the same cells with the same parameters; `lakehouse run` itself is killed as well, less often.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from common.settings import repository
from local.jobs.bundle import load_bundle
from local.jobs.dynamic_values import RunValues, TaskValues
from local.jobs.job import load_job
from local.jobs.parameters import check_parameters, job_values, task_values


def run_cells(notebook: Path, parameters: Mapping[str, str]) -> None:
    """Executes a notebook's code cells in a fresh namespace, as papermill would with these parameters."""
    namespace: dict[str, object] = {"__name__": "__main__", "display": print}
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type != "code":
            continue
        exec(compile(cell.source, f"{notebook.name}, cell {number}", "exec"), namespace)
        if "parameters" in cell.metadata.get("tags", []):
            namespace.update(parameters)


def main() -> int:
    """Runs all tasks in order, and tells the file descriptor when each begins and ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True, help="file descriptor to which each step is reported")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only", action="append", default=[], metavar="TASK", help="these tasks alone")
    options = parser.parse_args()
    os.environ["MPLBACKEND"] = "Agg"
    given = dict(text.split("=", 1) for text in options.param)
    job = load_job(load_bundle(repository()), "lakehouse")
    declared = check_parameters(job, given)
    run = RunValues(job.key, job.name, f"chaos-{os.getpid()}", datetime.now(UTC))
    run = replace(run, parameters=job_values(job, given, run))
    os.environ["LAKEHOUSE_RUN_ID"] = run.run_id
    finished: dict[str, TaskValues] = {}
    for task in job.tasks:
        this = TaskValues(task.key, task.key, str(task.notebook), 1)
        if options.only and task.key not in options.only:
            continue
        os.environ["LAKEHOUSE_TASK_KEY"] = task.key
        os.write(options.events, f"started {task.key}\n".encode())
        begun = time.monotonic()
        run_cells(
            task.notebook,
            task_values(job, task, declared=declared[task.key], run=run, this=this, finished=finished),
        )
        finished[task.key] = TaskValues(task.key, task.key, str(task.notebook), 1, "success")
        print(f"=== {task.key}: {time.monotonic() - begun:.1f} s", flush=True)
        os.write(options.events, f"ended {task.key}\n".encode())
    os.write(options.events, b"finished all\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
