"""How long the main job takes on the default world: the first time, with nothing new, with one day more; beside the
same notebooks one after the other, each with an engine of its own.

    python -m benchmarks.main_job
"""

import shutil
import sys
import time
from pathlib import Path

from benchmarks.measured import GIB, REPOSITORY, Goal, at_least, at_most, lakehouse, measured, show, workspace
from local.jobs.bundle import load_bundle
from local.jobs.job import load_job


def one_by_one(home: Path) -> float:
    """Seconds that the job's notebooks take in order, by papermill, each starting and ending a server."""
    job = load_job(load_bundle(REPOSITORY, "", {}), "lakehouse")
    started = time.perf_counter()
    for task in job.tasks:
        given = [part for name, value in task.base_parameters.items() for part in ("-p", name, value)]
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(task.notebook), str(home / "out.ipynb")]
        measured(home, [*command, *given])
        lakehouse(home, "down")
    return time.perf_counter() - started


def main() -> None:
    """Measures and prints."""
    with workspace() as home, workspace() as other:
        simulated = lakehouse(home, "simulate")
        shutil.copytree(home / "landing", other / "landing")
        first = lakehouse(home, "run", "lakehouse")
        nothing_new = lakehouse(home, "run", "lakehouse")
        lakehouse(home, "simulate", "--days", "1")
        one_day = lakehouse(home, "run", "lakehouse")
        apart = one_by_one(other)
    peak = max(run.peak_bytes for run in (first, nothing_new, one_day)) / GIB
    show(
        "Main job, default world",
        [
            Goal("simulating the world", f"{simulated.seconds:,.1f} s", "", None),
            at_most("first run", first.seconds, 150, "s"),
            at_most("a run with nothing new", nothing_new.seconds, 60, "s"),
            at_most("a run with one new day", one_day.seconds, 75, "s"),
            at_least("notebooks one by one, each with its own engine / first run", apart / first.seconds, 2.5, "times"),
            at_most("resident memory of all processes together", peak, 6, "GiB"),
        ],
    )


if __name__ == "__main__":
    main()
