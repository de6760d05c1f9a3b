"""One query by `lakehouse sql`: DuckDB from the program's start to its answer, beside Spark; wall and CPU.

A default world is made first, by the main job. Each engine then answers the same query: DuckDB five times, of which the
middle one counts; Spark once with a server that has to start, and once with one that runs. The rows must be equal.
`LAKEHOUSE_HOME=FOLDER python -m benchmarks.sql` asks the tables that a workspace has already, and changes none.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measured import REPOSITORY, Goal, at_most, lakehouse, show, workspace

QUERY = (
    "SELECT decision, model_version, count(*) AS transactions, sum(amount_eur) AS amount_eur, "
    "round(max(score), 3) AS score FROM gold.transaction_scores GROUP BY ALL ORDER BY decision, model_version"
)
RUNS = 5


class Answer(NamedTuple):
    """What a run printed, its wall seconds, and the CPU seconds of its own process."""

    rows: str
    seconds: float
    cpu_seconds: float


def ask(home: Path, engine: str) -> Answer:
    """One `lakehouse sql`, with all that its start costs. The CPU of a Spark server is not in it."""
    command = [sys.executable, "-m", "local.cli", "sql", "--engine", engine, "--format", "csv", QUERY]
    before, started = _cpu(), time.perf_counter()
    answer = subprocess.run(
        command,
        env=os.environ | {"LAKEHOUSE_HOME": str(home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return Answer(answer.stdout, time.perf_counter() - started, _cpu() - before)


def main() -> None:
    """Measures both engines on one workspace."""
    if home := os.environ.get("LAKEHOUSE_HOME"):
        measure(Path(home))
        return
    with workspace() as folder:
        lakehouse(folder, "simulate")
        lakehouse(folder, "run", "lakehouse")
        lakehouse(folder, "down")
        measure(folder)


def measure(home: Path) -> None:
    """Prints the figures of one query on the tables of a workspace.

    Raises:
        SystemExit: the engines don't give the same rows.

    """
    duck = [ask(home, "duckdb") for _ in range(RUNS)]
    try:
        cold, warm = ask(home, "spark"), ask(home, "spark")
    finally:
        lakehouse(home, "down")
    if {answer.rows for answer in duck} != {cold.rows, warm.rows}:
        sys.exit(f"the engines differ:\n{duck[0].rows}\n{cold.rows}\n{warm.rows}")
    seconds = statistics.median(answer.seconds for answer in duck)
    cpu = statistics.median(answer.cpu_seconds for answer in duck)
    show(
        "One query over the scores, from the command's start to its answer",
        [
            at_most("DuckDB", seconds, 1, "s"),
            Goal("DuckDB, CPU", f"{cpu:.2f} s", "", None),
            Goal("Spark, whose server starts", f"{cold.seconds:.1f} s", "", None),
            Goal("Spark, whose server runs", f"{warm.seconds:.1f} s", "", None),
            Goal("the running Spark to DuckDB", f"{warm.seconds / seconds:.1f}", "", None),
        ],
    )


def _cpu() -> float:
    """CPU seconds, user and system, of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
