"""Processes of one workspace: started with pipes that tell of their steps, and killed all at one moment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

HERE = Path(__file__).parent
QUICK_JAVA = "-XX:TieredStopAtLevel=1"
"""Servers that live for seconds spend most of them on compiling what is soon killed."""


class Worker:
    """A process that belongs to a workspace, and what it has reported so far."""

    def __init__(self, home: Path, log: Path, command: Sequence[str]) -> None:
        self.home, self.begun = home, time.time()
        self.reported: list[tuple[str, str]] = []
        self._rest = b""
        self._events, write_end = os.pipe()
        os.set_blocking(self._events, False)
        environment = {k: v for k, v in os.environ.items() if k not in ("SPARK_REMOTE", "MLFLOW_TRACKING_URI")}
        environment |= {"LAKEHOUSE_HOME": str(home), "LAKEHOUSE_DRIVER_MEMORY": "1g", "JAVA_TOOL_OPTIONS": QUICK_JAVA}
        environment["LAKEHOUSE_ENGINE_IDLE_SECONDS"] = "0"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [part.format(events=write_end) for part in command],
                cwd=HERE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        os.close(write_end)

    def news(self) -> list[tuple[str, str]]:
        """What the process reported since the last call: (what, of what)."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._events, 65536):
                self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        fresh = [(parts[0], parts[1]) for parts in (line.decode().split(" ", 1) for line in lines)]
        self.reported += fresh
        return fresh

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def close(self) -> None:
        """Gives the pipe back; the process must have ended."""
        with suppress(OSError):
            os.close(self._events)


@dataclass
class States:
    """Which tasks run and which have ended, as a worker tells it, or as a run's record on disk does."""

    home: Path
    worker: Worker
    is_command: bool
    _running: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    _is_done: bool = False
    _looked: float = 0.0

    def now(self) -> tuple[set[str], set[str]]:
        """The tasks that run, and those that have ended."""
        if self.is_command:
            if time.monotonic() - self._looked > 0.05:
                self._look_at_record()
            return self._running, self._ended
        for what, task in self.worker.news():
            (self._running if what == "started" else self._ended).add(task)
        self._running -= self._ended
        return self._running, self._ended

    def is_done(self) -> bool:
        """Whether the job had ended by itself, or had no task left; to be asked when its process is dead."""
        if self.is_command:
            self._look_at_record()
        return self.worker.process.returncode == 0 or self._is_done or ("finished", "all") in self.worker.reported

    def _look_at_record(self) -> None:
        self._looked = time.monotonic()
        records = [file for file in (self.home / "runs").glob("*/run.json") if file.stat().st_mtime > self.worker.begun]
        if not records:
            return
        content: Mapping[str, list[Mapping[str, str]]] = json.loads(max(records).read_text(encoding="utf-8"))
        self._running = {task["key"] for task in content["tasks"] if task["state"] == "RUNNING"}
        self._ended = {task["key"] for task in content["tasks"] if task["state"] not in ("RUNNING", "PENDING")}
        self._is_done = len(self._ended) == len(content["tasks"])


def driver(home: Path, log: Path, arguments: Sequence[str]) -> Worker:
    """The job's cells in one process."""
    return Worker(home, log, [sys.executable, "chaos_driver.py", "--events", "{events}", *arguments])


def command(home: Path, log: Path, arguments: Sequence[str]) -> Worker:
    """`lakehouse run lakehouse`, as a person types it."""
    return Worker(home, log, [sys.executable, "-m", "local.cli", "run", "lakehouse", *arguments])


def lander(  # noqa: PLR0917
    home: Path, log: Path, way: tuple[Path, Path], files: Sequence[str], pause_seconds: float, hold: str = ""
) -> Worker:
    """The sender of files; `way`: from where, to where. The file `hold` stays half written."""
    options = ["--pause-seconds", str(pause_seconds), "--hold", hold, *map(str, way)]
    return Worker(home, log, [sys.executable, "chaos_lander.py", "--events", "{events}", *options, *files])


def processes_of(home: Path) -> list[psutil.Process]:
    """Every living process whose environment names this workspace: the job, its server, their workers and keepers."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("LAKEHOUSE_HOME") == str(home):
                found.append(process)
    return found


def kill_all(home: Path) -> int:
    """Kills the workspace's processes at one moment: stopped first, so that none sees another one die."""
    killed = set()
    while living := processes_of(home):
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for process in living:
                with suppress(psutil.Error):
                    process.send_signal(sign)
        killed |= {process.pid for process in living}
        time.sleep(0.02)
    return len(killed)


@contextmanager
def none_left(*homes: Path) -> Iterator[None]:
    """Whatever happens within the block, no process of these workspaces outlives it."""
    before = signal.getsignal(signal.SIGTERM)
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        for home in homes:
            kill_all(home)
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, before)
