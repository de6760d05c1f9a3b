"""How long the main job takes on the default world: the first time, with nothing new, with one day more, under load;
and how long it takes to erase a person. Wall and CPU seconds by kind of process.

    python -m benchmarks.main_job
"""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measured import GIB, REPOSITORY, Measured, at_most, lakehouse, show, show_cpu, workspace

BUSY = 6
"""Processes that do nothing but compute: beside the job they bring a machine of two cores to a load of 8."""


def spin() -> None:
    """Computes for ever."""
    while True:
        pass


@contextmanager
def busy_machine() -> Iterator[None]:
    """Other work on all cores while the block lasts."""
    spinning = [multiprocessing.Process(target=spin, daemon=True) for _ in range(BUSY)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()


def any_customer(home: Path) -> str:
    """Somebody who has paid."""
    query = "SELECT customer_id FROM silver.transactions WHERE customer_id IS NOT NULL ORDER BY customer_id LIMIT 1"
    command = [sys.executable, "-m", "local.cli", "sql", "--format", "json", query]
    environment = os.environ | {"LAKEHOUSE_HOME": str(home)}
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, cwd=REPOSITORY)
    return str(json.loads(answer.stdout)[0]["customer_id"])


def one_day(home: Path) -> None:
    """The world goes on by a day, and no engine runs."""
    lakehouse(home, "simulate", "--days", "1")
    lakehouse(home, "down")


def main() -> None:
    """Measures and prints."""
    runs: dict[str, Measured] = {}
    with workspace() as home:
        lakehouse(home, "simulate")
        runs["first run"] = lakehouse(home, "run", "lakehouse")
        runs["nothing new, engine up"] = lakehouse(home, "run", "lakehouse")
        lakehouse(home, "down")
        runs["nothing new, engine down"] = lakehouse(home, "run", "lakehouse")
        one_day(home)
        runs["one new day, engine down"] = lakehouse(home, "run", "lakehouse")
        erased = f"customer_id={any_customer(home)}"
        runs["forget_customer, engine up"] = lakehouse(home, "run", "forget_customer", "--param", erased)
        one_day(home)
        with busy_machine():
            runs[f"one new day, {BUSY} busy processes beside it"] = lakehouse(home, "run", "lakehouse")
    goals = {
        "nothing new, engine down": 50,
        "nothing new, engine up": 25,
        "one new day, engine down": 90,
        "first run": 150,
        "forget_customer, engine up": 60,
    }
    peak = max(run.peak_bytes for run in runs.values()) / GIB
    figures = [at_most(name, runs[name].seconds, goal, "s") for name, goal in goals.items()]
    show("Main job, default world", [*figures, at_most("memory of all processes together", peak, 6, "GiB")])
    show_cpu("Where the time goes (compilers are part of the JVM)", runs)


if __name__ == "__main__":
    main()
