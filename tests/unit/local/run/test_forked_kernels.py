"""Notebook processes forked from a warm parent: like those started plainly, and gone with their runner."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from job_builders import Checkout, a_task

from common.settings import repository
from local.processes import wait_until
from local.run import forked_kernels
from local.run import run_record as states

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux alone")

LOOK = """
import json, logging, os, signal, sys
import numpy
import pyspark.sql.connect.session
looks = {
    "logs": logging.getLogger("pyspark.sql.connect.logging").isEnabledFor(logging.ERROR),
    "folder": os.getcwd(),
    "path": sys.path,
    "environment": {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"},
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGTERM)],
    "leads_its_group": os.getpgid(0) == os.getpid() == os.getsid(0),
}
print(json.dumps(looks))
"""
DRAW = "import os, numpy\nprint(os.getppid(), numpy.random.random())"
BUSY = """
import pathlib, subprocess, sys, time, os
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(pathlib.Path({folder!r}) / {name!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
RUN = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from job_builders import Checkout
from local.workspace import Workspace
Checkout(Path({root!r}), Workspace(Path({home!r}))).run()
"""


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def noted(*files: Path) -> list[int]:
    assert wait_until(lambda: all(file.exists() and len(file.read_text().split()) == 2 for file in files), 120)
    return [int(pid) for file in files for pid in file.read_text().split()]


def test_a_forked_notebook_finds_what_a_plain_one_finds(checkout: Checkout) -> None:
    look = checkout.notebook("look", LOOK)
    checkout.job(a_task("one", look), a_task("two", look))
    forked, plain = checkout.run(), checkout.run(selected=frozenset({"one"}))

    def seen(record: states.RunRecord) -> dict[str, object]:
        found = json.loads(checkout.executed(record, "one"))
        for name in ("LAKEHOUSE_SESSION_ID", "LAKEHOUSE_RUN_ID"):
            assert found["environment"].pop(name)
        found["environment"].pop("JPY_SESSION_NAME", None)
        assert not found["logs"]
        assert not list(record.folder.glob("*.log")), "a notebook's log is kept where something is in it"
        return found

    assert seen(forked) == seen(plain)


def test_notebooks_share_a_parent_and_no_random_numbers(checkout: Checkout) -> None:
    draw = checkout.notebook("draw", DRAW)
    checkout.job(a_task("one", draw), a_task("two", draw), a_task("three", draw, "one"))
    record = checkout.run()
    drawn = [checkout.executed(record, name).split() for name in ("one", "two", "three")]
    assert len({parent for parent, _ in drawn}) == 1
    assert drawn[0][0] != str(os.getpid())
    assert len({number for _, number in drawn}) == 3
    assert is_gone(int(drawn[0][0]))


def test_a_timeout_ends_a_forked_notebook_with_its_children(checkout: Checkout, tmp_path: Path) -> None:
    slow = checkout.notebook("slow", BUSY.format(folder=str(tmp_path), name="slow"))
    checkout.job(a_task("slow", slow, timeout_seconds=15), a_task("after", checkout.notebook("after", "1"), "slow"))
    assert checkout.run().tasks["slow"].state == "TIMEDOUT"
    assert all(is_gone(pid) for pid in noted(tmp_path / "slow"))


def test_a_killed_runner_leaves_no_notebook_behind(checkout: Checkout, tmp_path: Path) -> None:
    names = ("left", "right")
    checkout.job(*(a_task(n, checkout.notebook(n, BUSY.format(folder=str(tmp_path), name=n))) for n in names))
    code = RUN.format(tests=str(Path(__file__).parents[1]), root=str(checkout.root), home=str(checkout.workspace.home))
    runner = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(repository() / "src")})
    pids: list[int] = []
    try:
        pids = noted(*(tmp_path / name for name in names))
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        assert wait_until(lambda: all(is_gone(pid) for pid in pids), 30)
    finally:
        runner.kill()
        for pid in pids:
            if not is_gone(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_killed_parent_fails_its_notebooks_and_later_ones_are_started_plainly(checkout: Checkout) -> None:
    kills = checkout.notebook(
        "kills", "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)"
    )
    draw = checkout.notebook("draw", DRAW)
    checkout.job(a_task("kills", kills), a_task("after", draw, "kills", run_if="ALL_DONE"))
    record = checkout.run()
    assert {key: task.state for key, task in record.tasks.items()} == {"kills": "FAILED", "after": "SUCCESS"}
    assert checkout.executed(record, "after").split()[0] == str(os.getpid())


def test_without_a_parent_that_answers_notebooks_are_started_plainly(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(*_arguments: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(forked_kernels, "started_parent", dead)
    draw = checkout.notebook("draw", DRAW)
    checkout.job(a_task("one", draw), a_task("two", draw))
    record = checkout.run()
    assert record.state == states.SUCCESS
    assert checkout.executed(record, "one").split()[0] == str(os.getpid())


def test_what_half_of_the_notebooks_import_is_there_before_the_first_fork(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], list[str]]] = []

    class Parent:
        def __init__(self, _environment: object, first: list[str], later: list[str]) -> None:
            asked.append((first, later))

        def close(self) -> None: ...

    monkeypatch.setattr(forked_kernels, "KernelParent", Parent)
    cells = ("from common.notebook import open_lakehouse", "%matplotlib inline", "import json")
    checkout.notebook("a", *cells, "import csv", "from common.gold import marts")
    checkout.notebook("b", *cells, "import csv")
    checkout.notebook("c", *cells)
    checkout.notebook("d", "import json", "1 +", "import csv.nothing")
    checkout.notebook("e", "import json")
    paths = sorted((checkout.root / "notebooks").glob("*.ipynb"))
    with forked_kernels.kernel_parent(paths, {}) as parent:
        assert parent is not None
    assert asked == [(["json", "common.notebook", "pyspark.sql.connect.session"], ["csv"])]
    with forked_kernels.kernel_parent(paths[:1], {}) as parent:
        assert parent is None
