"""Processes of servers that end with the tests that started them, however these end."""

import ctypes
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_starter = ThreadPoolExecutor(1, thread_name_prefix="starts-servers")
"""Linux signals a child when the thread that forked it ends: this one's thread lives as long as the process."""


def started(command: list[str], ends_by: signal.Signals = signal.SIGKILL, **options: Any) -> "subprocess.Popen[bytes]":
    """Starts a process; `ends_by` is the signal that it gets when this process is gone.

    A session of tests that is killed runs no fixture's end. Only Linux has this; elsewhere such servers stay.
    """
    parent = os.getpid()

    def follow() -> None:
        assert _prctl
        _prctl(_PR_SET_PDEATHSIG, ends_by)
        if os.getppid() != parent:  # it ended before it could be followed
            os._exit(1)

    return _starter.submit(
        subprocess.Popen,
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=follow if _prctl else None,
        **options,
    ).result()
