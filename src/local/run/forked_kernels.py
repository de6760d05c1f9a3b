"""Notebook processes forked from a parent that has imported already what they share.

Starting an interpreter and importing Spark's client, pandas and the kernel takes longer than many notebooks work.
Where forking isn't safe (it is on Linux alone), or no parent answers, a notebook's process is started plainly.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from local.jobs.notebook import imported_modules
from local.processes import ProcessIdentity
from local.run.kernel_parent import KERNEL

_PATIENCE_SECONDS = 600
"""What the parent imports takes seconds; on a machine that swaps or is busy it may take minutes."""
_OPENED_BY = {"common.notebook": "pyspark.sql.connect.session"}
"""What a module imports only when it opens a session, which most notebooks do."""


class KernelParent:
    """The runner's side of a parent process, see `local.run.kernel_parent`."""

    def __init__(self, environment: Mapping[str, str], first: Sequence[str], later: Sequence[str] = ()) -> None:
        self._process = started_parent(environment)
        self._started: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._codes: dict[int, int] = {}
        self._forking = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="kernel-parent", daemon=True)
        self._reader.start()
        with suppress(OSError):  # one that is gone fails when it is asked to fork
            self._ask({"first": [KERNEL, *first], "later": list(later)})

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], folder: str, log: str) -> "ForkedProcess":
        """A new kernel with these arguments, its environment, its folder, and its log.

        Raises:
            OSError: the parent is gone, or doesn't answer.

        """
        request = {"arguments": list(arguments), "environment": dict(environment), "folder": folder, "log": log}
        with self._forking:
            self._ask({"fork": request})
            try:
                pid = self._started.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                pid = None
        if pid is None:
            self.close()
            raise ChildProcessError("the parent of notebook processes doesn't answer")
        self._codes.pop(pid, None)  # of an earlier process with this number
        return ForkedProcess(pid, self)

    def code(self, pid: int) -> int | None:
        """With which code a forked process ended; None while it runs, or when the parent ended first."""
        return self._codes.get(pid)

    @property
    def is_gone(self) -> bool:
        """Whether the parent has ended, so that nobody knows with which code a process ends."""
        return not self._reader.is_alive()

    def close(self) -> None:
        """Ends the parent and what it forked."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=10)

    def _ask(self, request: Mapping[str, Any]) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            raise BrokenPipeError("the parent of notebook processes has ended")
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            news = json.loads(line)
            if "started" in news:
                self._started.put(news["started"])
            else:
                self._codes[news["ended"]] = news["code"]
        self._started.put(None)


def started_parent(environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """The process; in a session of its own, so that Ctrl-C reaches the runner alone."""
    return subprocess.Popen(
        [sys.executable, "-m", "local.run.kernel_parent"],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class ForkedProcess:
    """A forked kernel, with what Jupyter uses of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, parent: KernelParent) -> None:
        self.pid = pid
        self._parent = parent
        self._identity = ProcessIdentity.of(pid) if psutil.pid_exists(pid) else None

    def poll(self) -> int | None:
        """The code with which it ended, -1 where nobody knows it; None while it runs."""
        is_lost = self._parent.is_gone and not (self._identity and self._identity.is_alive())
        return self._parent.code(self.pid) if not is_lost else self._parent.code(self.pid) or -1

    def wait(self) -> int | None:
        """As `poll`: Jupyter calls it when the process has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Sends a signal to the process while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


@contextmanager
def kernel_parent(notebooks: Iterable[Path], environment: Mapping[str, str]) -> Iterator[KernelParent | None]:
    """A parent for the processes of these notebooks until the end of the block; None where it would save nothing.

    What at least half of the notebooks import is there before the first fork, what two or more import comes later,
    while the first ones run.
    """
    all_imported = [imported_modules(notebook) for notebook in notebooks]
    if sys.platform != "linux" or len(all_imported) < 2:
        yield None
        return
    counts = Counter(name for imported in all_imported for name in imported)
    shared = [name for name, count in counts.most_common() if count > 1]
    first = [name for name in shared if 2 * counts[name] >= len(all_imported)]
    opened = [later for name, later in _OPENED_BY.items() if name in first]
    parent = KernelParent(environment, [*first, *opened], [name for name in shared if name not in first])
    try:
        yield parent
    finally:
        parent.close()
