"""Spark's workers for foreachBatch, forked from one parent: by a real server, and gone with the query."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from local.engine.batch_workers import BATCH_WORKER, worker_python
from local.processes import wait_until
from local.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux alone")


def a_query(spark: "SparkSession", folder: Path, name: str) -> Any:
    """A stream that goes on, whose worker notes who it is and draws a number."""
    note = str(folder / name)

    def look(_rows: Any, _batch: int) -> None:
        import numpy as np

        ours = {"common", "local"}.intersection(sys.modules) or "none"
        Path(note).write_text(f"{os.getpid()} {os.getppid()} {np.random.random()} {ours}")

    writer = spark.readStream.format("rate").load().writeStream.foreachBatch(look)
    return writer.option("checkpointLocation", str(folder / f"{name}-checkpoint")).start()


@pytest.mark.spark
def test_workers_are_forked_from_one_parent_and_end_with_their_query(spark: "SparkSession", tmp_path: Path) -> None:
    queries = [a_query(spark, tmp_path, name) for name in ("one", "two")]
    try:
        notes = [tmp_path / name for name in ("one", "two")]
        assert wait_until(lambda: all(note.exists() and len(note.read_text().split()) == 4 for note in notes), 60)
    finally:
        for query in queries:
            query.stop()
    workers, parents, numbers, ours = zip(*(note.read_text().split() for note in notes), strict=True)
    assert len(set(workers)) == len(set(numbers)) == 2
    assert set(ours) == {"none"}, "a worker takes this project's code from what is shipped to it"
    (parent,) = {int(pid) for pid in parents}
    assert BATCH_WORKER in psutil.Process(parent).cmdline()
    assert wait_until(lambda: not any(psutil.pid_exists(int(pid)) for pid in workers), 30)


def a_script(tmp_path: Path) -> str:
    workspace = Workspace(tmp_path / "a home").create()
    return str(worker_python(workspace, os.getpid()))  # nobody listens there


def test_without_a_parent_a_worker_is_started_plainly(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHON_WORKER_FACTORY_PORT": "1", "PYTHON_WORKER_FACTORY_SECRET": "secret"}
    command = [a_script(tmp_path), "-m", BATCH_WORKER]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "CANNOT_OPEN_SOCKET" in answer.stderr, "Spark's own worker has looked for the server that started it"


def test_the_script_is_python_for_all_else(tmp_path: Path) -> None:
    command = [a_script(tmp_path), "-c", "import sys, psutil; print(sys.argv, sys.prefix)", "two words"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == f"['-c', 'two words'] {sys.prefix}\n"
