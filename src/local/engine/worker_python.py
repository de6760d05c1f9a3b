"""The Python that Spark's server starts: for foreachBatch it has a worker forked, else it becomes the real Python.

Called as `python -IS worker_python.py ADDRESS MODULE ARGUMENTS...`, in a bare interpreter, which starts at once.
See `local.engine.batch_workers`.
"""

import json
import os
import socket
import sys


def main(address: str, module: str, arguments: list[str]) -> None:
    """Waits for the end of the worker that was forked for it; without one, becomes Python itself."""
    if arguments == ["-m", module]:
        request = {"environment": dict(os.environ), "folder": os.getcwd()}
        try:
            with socket.socket(socket.AF_UNIX) as parent:
                parent.connect(f"\0{address}")
                socket.send_fds(parent, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
                if parent.recv(1):  # it was forked
                    parent.recv(1)  # it has ended
                    return
        except OSError:
            pass
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
