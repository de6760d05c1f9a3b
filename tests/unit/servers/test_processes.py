"""Servers of tests end with who started them."""

import signal
import subprocess
import sys
import threading
from contextlib import suppress

import psutil
import pytest

from servers.processes import started

STARTS = """
import sys
import threading
from servers.processes import started
print(started([sys.executable, "-c", "import signal; signal.pause()"]).pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
def test_a_server_ends_with_tests_that_are_killed() -> None:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTS], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        server = psutil.Process(int(tests.stdout.readline()))
        try:
            assert server.is_running()
            tests.send_signal(signal.SIGKILL)
            _, still_there = psutil.wait_procs([server], timeout=10)
        finally:
            with suppress(psutil.NoSuchProcess):
                server.kill()
    assert still_there == []


def test_a_server_outlives_the_thread_that_wanted_it() -> None:
    """Linux would signal it at the end of the thread that forked it."""
    begun: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: begun.append(started(["sleep", "60"])))
    thread.start()
    thread.join()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            begun[0].wait(0.3)
    finally:
        begun[0].kill()
        begun[0].wait()
