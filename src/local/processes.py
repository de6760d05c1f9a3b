"""Processes by identity: a number may belong to another process by now, so the start time belongs to the identity."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A process: its number and when it started (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int | None = None) -> "ProcessIdentity":
        """The identity of a running process, this one by default.

        Raises:
            psutil.NoSuchProcess: no process has this number.

        """
        process = psutil.Process(pid if pid is not None else os.getpid())
        return cls(process.pid, process.create_time())

    @classmethod
    def from_json(cls, content: Any) -> "ProcessIdentity | None":
        """Reads what `as_json` gave; None for anything else."""
        try:
            return cls(int(content["pid"]), float(content["started"]))
        except (KeyError, TypeError, ValueError):
            return None

    def as_json(self) -> dict[str, Any]:
        """A form for JSON files."""
        return {"pid": self.pid, "started": self.started}

    def is_alive(self) -> bool:
        """Whether this very process still runs; one that ended and was not collected by its parent does not."""
        try:
            process = psutil.Process(self.pid)
            # The clock's second may be corrected while a machine runs, the start time moves with it.
            return abs(process.create_time() - self.started) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def stop(self, patience_seconds: float = 10) -> None:
        """Asks the process to end, and kills it when it does not within the patience."""
        if not self.is_alive():
            return
        with suppress(psutil.Error):
            psutil.Process(self.pid).terminate()
        if not wait_until(lambda: not self.is_alive(), patience_seconds):
            with suppress(psutil.Error):
                psutil.Process(self.pid).kill()
            wait_until(lambda: not self.is_alive(), patience_seconds)


def wait_until(condition: Any, seconds: float, pause_seconds: float = 0.05) -> bool:
    """Waits until the condition holds; False when it did not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True
