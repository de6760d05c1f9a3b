"""Commands run as a person would, with their time and the memory of all their processes together."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.processes import KINDS, Watch

if TYPE_CHECKING:
    from common.storage.lake import Lake

GIB = 1024**3
CONSOLE = Console(width=110)
REPOSITORY = Path(__file__).resolve().parents[1]


def handbook_folder() -> Path:
    """The folder of the handbook's Parquet files: the first argument, HANDBOOK_DATA, or beside the repository.

    Raises:
        SystemExit: no such files are there; the message says how to name their folder.
    """
    default = REPOSITORY / "../shared/data/handbook"
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HANDBOOK_DATA", str(default))
    source = Path(given).resolve()
    if not any(source.glob("*.parquet")):
        sys.exit(f"skipped: no Parquet files of the handbook in {source}; name their folder, or set HANDBOOK_DATA")
    return source


@dataclass(frozen=True)
class Measured:
    """Seconds that a command took, the largest memory of its workspace's processes, and their CPU seconds."""

    seconds: float
    peak_bytes: int
    cpu_seconds: Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    """One row of a report: what was measured, its goal, and whether it is met."""

    what: str
    value: str
    goal: str
    met: bool | None


@contextmanager
def workspace() -> Iterator[Path]:
    """A LAKEHOUSE_HOME in a temporary folder, whose server is ended with it."""
    with TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        try:
            yield Path(folder)
        finally:
            lakehouse(Path(folder), "down")


@contextmanager
def temporary_lake(jars: frozenset[str] = frozenset()) -> Iterator["Lake"]:
    """A lake in a workspace of its own, with a session on its server; all end with it, on a failure too.

    `jars` are lists of jars that its server needs.
    """
    from common.session import spark_session
    from common.settings import settings_from
    from common.storage.lake import Lake

    with workspace() as home:
        os.environ["LAKEHOUSE_HOME"] = str(home)
        spark = spark_session(needs=lambda: jars)
        try:
            yield Lake(spark, settings_from())
        finally:
            spark.stop()  # a session that is left open keeps the process from ending


def lakehouse(home: Path, *arguments: str) -> Measured:
    """Runs `lakehouse ARGUMENTS` in a workspace; what it prints goes to bench.log there.

    Raises:
        SystemExit: the command failed; its output is shown.
    """
    return measured(home, [sys.executable, "-m", "local.cli", *arguments])


def measured(home: Path, command: Sequence[str]) -> Measured:
    """Runs a command in a workspace, as `lakehouse` does."""
    log = home / "bench.log"
    started = time.perf_counter()
    with log.open("w") as output:
        environment = os.environ | {"LAKEHOUSE_HOME": str(home)}
        watch = Watch(home)
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY)
        status = process.wait()
    seconds, cpu_seconds = time.perf_counter() - started, watch.stop()
    result = Measured(seconds, watch.peak_bytes, cpu_seconds)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()}")
    return result


def at_most(what: str, value: float, goal: float, unit: str) -> Goal:
    """A figure that should not exceed its goal."""
    return Goal(what, f"{value:,.1f} {unit}", f"<= {goal:g} {unit}", value <= goal)


def at_least(what: str, value: float, goal: float, unit: str) -> Goal:
    """A figure that should reach its goal."""
    return Goal(what, f"{value:,.1f} {unit}", f">= {goal:,g} {unit}", value >= goal)


def show_cpu(title: str, runs: Mapping[str, Measured]) -> None:
    """Prints wall and CPU seconds of runs, by kind of process."""
    table = Table(title=title, title_justify="left")
    table.add_column("run")
    for heading in ("wall s", *(f"{kind} CPU s" for kind in KINDS)):
        table.add_column(heading, justify="right")
    for name, run in runs.items():
        table.add_row(name, f"{run.seconds:,.0f}", *(f"{run.cpu_seconds[kind]:,.0f}" for kind in KINDS))
    CONSOLE.print(table)


def show(title: str, goals: Sequence[Goal]) -> None:
    """Prints the figures beside their goals."""
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "measured", "goal", "met"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for goal in goals:
        table.add_row(goal.what, goal.value, goal.goal, "" if goal.met is None else "yes" if goal.met else "NO")
    CONSOLE.print(table)
