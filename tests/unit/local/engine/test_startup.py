"""Waiting for a process that starts: as long as it does something, and the message when it doesn't."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.engine import startup
from local.engine.startup import wait_for_start
from local.processes import ProcessIdentity

Start = Callable[[str], ProcessIdentity]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(startup, "STALL_SECONDS", 4)
    monkeypatch.setattr(startup, "CPU_STEP_SECONDS", 0.1)
    processes = []

    def started(code: str) -> ProcessIdentity:
        command = [sys.executable, "-c", f"print('ready', flush=True)\n{code}"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        assert processes[-1].stdout is not None
        assert processes[-1].stdout.readline()
        return ProcessIdentity.of(processes[-1].pid)

    yield started
    for process in processes:
        process.kill()
        process.wait()


def test_a_process_that_ends_is_reported_as_ended(start: Start, tmp_path: Path) -> None:
    process = start("import time; time.sleep(1)")
    assert wait_for_start(lambda: False, process, tmp_path / "log").startswith(f"process {process.pid} ended after ")


def test_a_process_that_does_nothing_is_given_up_with_what_was_seen(start: Start, tmp_path: Path) -> None:
    process = start("import time; time.sleep(600)")
    seen = wait_for_start(lambda: False, process, tmp_path / "log")
    assert seen.startswith(f"process {process.pid} doesn't answer after ")
    assert "it has done nothing for " in seen
    assert process.is_alive()


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import sys, time\nfor _ in range(600): print(1, file=open(sys.argv[1], 'a')) or time.sleep(0.5)",
    ],
    ids=["uses_the_processor", "writes_its_log"],
)
def test_a_process_that_does_something_is_waited_for(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(startup, "_REPORT_EVERY_SECONDS", 2)
    log = tmp_path / "log"
    process = start(code.replace("sys.argv[1]", repr(str(log))))
    news: list[str] = []
    # Ready only after the patience with a process that does nothing would have ended.
    assert wait_for_start(lambda: len(news) > 3, process, log, news.append) == ""
    assert news[0].startswith(f"Waiting for Spark: process {process.pid} has used ")


def test_what_is_ready_is_not_waited_for(start: Start, tmp_path: Path) -> None:
    assert wait_for_start(lambda: True, start(""), tmp_path / "log") == ""
