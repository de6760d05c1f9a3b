"""Waits for a process that starts, as long as it lives and makes progress: on a busy machine that takes its time."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from local.processes import ProcessIdentity

STALL_SECONDS = 60
CPU_STEP_SECONDS = 1.0
"""A process that for STALL_SECONDS uses less of the processor than CPU_STEP_SECONDS, and writes no log, is stuck."""
_REPORT_EVERY_SECONDS = 15
_PAUSE_SECONDS = 0.1


def wait_for_start(
    is_ready: Callable[[], bool], process: ProcessIdentity, log: Path, tell: Callable[[str], None] = lambda _: None
) -> str:
    """Waits until it is ready; returns an empty text then, or what was seen at the end of the patience."""
    begun = moved = reported = time.monotonic()
    cpu_seconds, size = 0.0, _size(log)
    while not is_ready():
        now = time.monotonic()
        used = _cpu_seconds(process)
        if used is None or not process.is_alive():
            return f"process {process.pid} ended after {now - begun:.0f} s"
        if used - cpu_seconds >= CPU_STEP_SECONDS or _size(log) != size:
            moved, cpu_seconds, size = now, used, _size(log)
        elif now - moved > STALL_SECONDS:
            return (
                f"process {process.pid} doesn't answer after {now - begun:.0f} s, of which it has done nothing for "
                f"{now - moved:.0f} s ({used:.0f} s of the processor used, load of the machine {_load():.0f})"
            )
        if now - reported > _REPORT_EVERY_SECONDS:
            tell(
                f"Waiting for Spark: process {process.pid} has used {used:.0f} s of the processor in "
                f"{now - begun:.0f} s (load of the machine {_load():.0f})"
            )
            reported = now
        time.sleep(_PAUSE_SECONDS)
    return ""


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _cpu_seconds(process: ProcessIdentity) -> float | None:
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _load() -> float:
    return psutil.getloadavg()[0]
