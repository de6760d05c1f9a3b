"""Imports once what Spark's workers for foreachBatch need, and forks one for each caller: see `batch_workers`.

Called as `python -P worker_parent.py ADDRESS MODULE`. It imports nothing of this project: a worker gets that
from what Spark ships to it at that time.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_IMPORTED = ("pandas", "pyarrow", "pyspark.sql.connect.functions", "pyspark.sql.connect.streaming")
_REQUEST_BYTES = 1 << 20


def main(address: str, module: str) -> int:
    """Serves until the server has ended; in a forked child, is the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a worker ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{address}")
        listener.listen()
        for name in (module, *_IMPORTED):
            importlib.import_module(name)
        while True:
            ready, _, _ = select.select([0, listener.fileno()], [], [])
            if 0 in ready:
                return 0
            caller, _ = listener.accept()
            with suppress(OSError, ValueError), warnings.catch_warnings():
                # Libraries start threads when they are imported, and prepare them for a fork themselves.
                warnings.simplefilter("ignore", DeprecationWarning)
                request, pipes = _request(caller)
                if not os.fork():
                    break
                for pipe in pipes:
                    os.close(pipe)
            caller.close()
    _be_worker(module, caller, request, pipes)
    return 0


def _request(caller: socket.socket) -> tuple[Mapping[str, Any], list[int]]:
    """The environment and folder that the worker is to have, and its standard input, output and error."""
    caller.settimeout(5)
    _, user, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if user != os.getuid():
        raise PermissionError(f"user {user} asks for a worker of user {os.getuid()}")
    text, pipes, _, _ = socket.recv_fds(caller, _REQUEST_BYTES, 3)
    while text and not text.endswith(b"\n"):
        text += caller.recv(_REQUEST_BYTES)
    return json.loads(text), pipes


def _be_worker(module: str, caller: socket.socket, request: Mapping[str, Any], pipes: list[int]) -> None:
    """Runs Spark's worker in the environment of the request, until it ends or the process that asked for it does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, pipe in enumerate(pipes):
        os.dup2(pipe, target)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    given = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part not in sys.path]
    sys.path[:0] = given
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # or all workers would draw the same numbers
    caller.settimeout(None)
    caller.sendall(b"1")

    def end_with_caller() -> None:
        with suppress(OSError):
            caller.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_caller, daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
