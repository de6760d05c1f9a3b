"""What the processes of a workspace use: memory together, and CPU seconds by kind of process."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil

KINDS = ("command", "JVM", "compilers", "kernels", "workers")
"""`compilers` are threads of the JVM, and counted in it too."""

_SAMPLE_SECONDS = 0.25
_TICKS_A_SECOND = 100


class Watch:
    """Samples every process that has the workspace in its environment, until `stop`.

    What a process uses between the last sample and its end is missed: a quarter of a second at most.
    """

    def __init__(self, home: Path) -> None:
        self._home, self.peak_bytes, self._ended = str(home), 0, threading.Event()
        self._used: dict[tuple[str, int, float], float] = {}
        self._before = self._sample()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """CPU seconds, user and system, that each kind has used since the beginning."""
        self._ended.set()
        self._thread.join()
        self._sample()
        sums = dict.fromkeys(KINDS, 0.0)
        for key, seconds in self._used.items():
            sums[key[0]] += seconds - self._before.get(key, 0.0)
        return sums

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> dict[tuple[str, int, float], float]:
        memory = 0
        for process in psutil.process_iter():
            try:
                if process.environ().get("LAKEHOUSE_HOME") != self._home:
                    continue
                memory += _bytes(process.pid)
                times, key = process.cpu_times(), (process.pid, process.create_time())
                kind = _kind(process.cmdline())
                self._used[kind, *key] = times.user + times.system
                if kind == "JVM":
                    for thread, seconds in _compilers(process.pid):
                        self._used["compilers", thread, key[1]] = seconds
            except psutil.Error:
                continue
        self.peak_bytes = max(self.peak_bytes, memory)
        return dict(self._used)


def _bytes(pid: int) -> int:
    """A process's part of the memory: what forked processes share is divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _kind(command: list[str]) -> str:
    line = " ".join(command)
    if "SparkConnectServer" in line:
        return "JVM"
    if "ipykernel" in line or "kernel_parent" in line:
        return "kernels"
    return "workers" if "pyspark" in line or "batch_workers" in line else "command"


def _compilers(pid: int) -> Iterator[tuple[int, float]]:
    """The threads of a JVM that compile, and their CPU seconds; known by the names that Java gives them."""
    found: dict[int, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name, _, rest = (task / "stat").read_text().rpartition(")")
        except OSError:  # it has ended
            continue
        if "CompilerThre" in name:
            fields = rest.split()
            found[int(task.name)] = (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    yield from found.items()
