"""The parent of Spark's workers for foreachBatch: it imports once what they need, and forks one for each query.

Spark gives such a worker 10 seconds to connect. On a busy machine the imports alone take longer, and on a quiet one
longer than the work of many queries. A forked worker connects at once. Where the parent is gone, or forking isn't safe
(it is on Linux alone), Spark starts its workers plainly.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.workspace import Workspace

BATCH_WORKER = "pyspark.sql.connect.streaming.worker.foreach_batch_worker"
_HERE = Path(__file__).parent


def worker_python(workspace: Workspace, port: int) -> Path:
    """The Python that the server on a port starts: a script that asks the server's parent of workers."""
    if sys.platform != "linux":
        return Path(sys.executable)
    script = workspace.engine / "worker-python"
    # A copy: the script of a running server doesn't change with the checkout.
    program = shutil.copy(_HERE / "worker_python.py", workspace.engine / "worker-python.py")
    command = [sys.executable, "-IS", str(program), _address(port), BATCH_WORKER]
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    script.chmod(0o700)
    # In a folder from which nothing may be executed, workers are started plainly.
    return script if os.access(script, os.X_OK) else Path(sys.executable)


def start_parent(workspace: Workspace, port: int, environment: Mapping[str, str], server_ends: int) -> None:
    """Starts the parent of a server's workers; it ends when `server_ends`, a pipe that the server holds, closes."""
    if sys.platform != "linux":
        return
    with (workspace.logs / "batch-workers.log").open("w") as log:
        subprocess.Popen(
            [sys.executable, "-P", str(_HERE / "worker_parent.py"), _address(port), BATCH_WORKER],
            cwd=workspace.engine,
            env=dict(environment),
            stdin=server_ends,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _address(port: int) -> str:
    """A name in Linux' abstract namespace, which leaves no file behind and has no limit on its length."""
    return f"lakehouse-batch-workers-{os.getuid()}-{port}"
