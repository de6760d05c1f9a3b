"""The parent of a run's notebook processes: it imports once what they share, and forks one whenever it is asked.

It is started as `python -m local.run.kernel_parent`, and must stay free of threads of its own and of connections, of
which a fork has copies that don't work. Lines of JSON are the language: on standard input what to import (the first
line) and what to fork, on standard output which process that became, and with which code each ended.
Its input closes when the runner ends, however that happens: then it ends its children and itself.
"""

import gc
import importlib
import json
import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

KERNEL = "ipykernel.kernelapp"
INLINE_FIGURES = "module://matplotlib_inline.backend_inline"
"""The backend that a kernel sets for matplotlib, which reads it on import."""


def main() -> int:
    """Serves until the input closes; in a forked child, is the kernel."""
    os.environ.setdefault("MPLBACKEND", INLINE_FIGURES)
    sys.path.remove(os.getcwd())  # no notebook imports from this process's folder
    # A module that prints when it is imported must not speak in this process's language.
    answers = os.dup(1)
    os.dup2(2, 1)
    child = _serve(_Lines(), answers)
    return 0 if child is None else _be_kernel(child)


class _Lines:
    """Lines from standard input, read without blocking once the input is readable."""

    def __init__(self) -> None:
        self._rest = b""
        self.is_closed = False

    def read(self) -> list[Any]:
        chunk = os.read(0, 1 << 16)
        self.is_closed = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]


def _serve(lines: _Lines, answers: int) -> Mapping[str, Any] | None:
    """Answers requests; gives one back in the child that it was forked for, and None when the input has closed."""
    ended, woken = os.pipe()
    for pipe in (ended, woken):
        os.set_blocking(pipe, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner answers Ctrl-C
    to_import: list[str] = []
    children: set[int] = set()
    while True:
        # With nothing to import it sleeps until something happens; otherwise it imports between requests.
        ready, _, _ = select.select([0, ended], [], [], 0 if to_import else None)
        if ended in ready:
            os.read(ended, 512)
            _collect(children, answers)
        for request in lines.read() if 0 in ready else ():
            if "fork" not in request:
                _import(request["first"])
                to_import += request["later"]
                continue
            pid = _forked(to_import)
            if pid == 0:
                for pipe in (ended, woken, answers):
                    os.close(pipe)
                return dict(request["fork"])
            children.add(pid)
            _tell(answers, started=pid)
        if lines.is_closed:
            for pid in children:
                for kill in (os.killpg, os.kill):  # one that was just forked leads no group yet
                    with suppress(OSError):
                        kill(pid, signal.SIGKILL)
            return None
        if to_import:
            _import([to_import.pop(0)])


def _import(names: Sequence[str]) -> None:
    for name in names:
        with suppress(Exception):  # the notebook that imports it shows the error, in its own cell
            importlib.import_module(name)


def _forked(to_import: Sequence[str]) -> int:
    if not to_import:
        gc.freeze()  # a collection in the child would write to, and so copy, each page that it shares
    with warnings.catch_warnings():
        # Libraries start threads when they are imported (OpenBLAS, jemalloc), and prepare them for a fork themselves.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _collect(children: set[int], answers: int) -> None:
    for pid in tuple(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            children.remove(pid)
            _tell(answers, ended=pid, code=os.waitstatus_to_exitcode(status))


def _tell(answers: int, **news: int) -> None:
    with suppress(BrokenPipeError):
        os.write(answers, json.dumps(news).encode() + b"\n")


def _be_kernel(request: Mapping[str, Any]) -> int:
    """Runs an IPython kernel in the environment, folder and log of the request, as a process of its own would."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    parent = os.getppid()
    os.environ.update(request["environment"] | {"JPY_PARENT_PID": str(parent)})
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # or all notebooks would draw the same numbers
    for logger in logging.root.manager.loggerDict.values():
        # The kernel's own settings for logging switch on again what is switched off, as Spark's client has it.
        if isinstance(logger, logging.Logger) and logger.disabled:
            logger.setLevel(logging.CRITICAL + 1)
    sys.argv = ["ipykernel_launcher", *request["arguments"]]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance(parent_handle=parent)  # it ends itself when its parent is gone
    return 0


if __name__ == "__main__":
    sys.exit(main())
