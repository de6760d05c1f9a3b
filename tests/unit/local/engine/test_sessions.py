"""Sessions on a Spark Connect server: what their end ends, and what it leaves alone."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql.connect.session import SparkSession

from common.session import close_for_good, session_url
from local.engine.sessions import end_abandoned_sessions, end_session, fresh_session, own_session
from local.processes import wait_until
from local.workspace import Workspace, write_json

ONE_SESSION_AFTER_ANOTHER = """
import gc, sys, threading
from local.engine.sessions import fresh_session

class CollectingThread(threading.Thread):
    def __init__(self, *arguments, name=None, **options):
        if name and name.startswith("ThreadPoolExecutor"):
            gc.collect()
        super().__init__(*arguments, name=name, **options)

threading.Thread = CollectingThread
gc.disable()
for _ in range(3):
    with fresh_session(sys.argv[1]) as session:
        assert session.streams.active == []  # the manager of streams refers to its session
"""
"""The garbage collector comes by when a pool that is given work makes a thread, and finds the session before."""


def test_ending_a_session_ends_its_streams(spark: object, tmp_path: Path) -> None:
    remote, session_id = os.environ["SPARK_REMOTE"], str(uuid4())
    workspace, checkpoint = Workspace(tmp_path / "home"), tmp_path / "checkpoint"

    def batches() -> list[str]:
        return sorted(file.name for file in (checkpoint / "offsets").glob("[0-9]*"))

    killed = SparkSession(session_url(remote, session_id))
    rate = killed.readStream.format("rate").load()
    rate.writeStream.format("noop").option("checkpointLocation", str(checkpoint)).start()
    close_for_good(killed)  # as when a process is killed: the server hears nothing
    assert wait_until(lambda: len(batches()) > 1, 60), "the stream goes on"

    own_session(workspace, session_id)
    end_session(workspace, session_id, remote)
    before = batches()
    assert not wait_until(lambda: batches() != before, 3)
    assert not list((workspace.engine / "sessions").iterdir())


def test_ending_a_session_interrupts_its_queries(spark: object, tmp_path: Path) -> None:
    remote = os.environ["SPARK_REMOTE"]
    with ThreadPoolExecutor(1) as pool, fresh_session(remote) as session:
        hours = "SELECT count(*) FROM range(1000000000) a JOIN range(1000000) b ON a.id % 7 = b.id % 5"
        query = pool.submit(session.sql(hours).collect)
        assert not wait_until(query.done, 3)
        end_session(Workspace(tmp_path), session.session_id, remote)
        with pytest.raises(Exception, match=r"(?i)session was closed|cancel"):
            query.result(timeout=30)


@pytest.mark.parametrize("remote", ["sc://127.0.0.1:1", "https://not-an-address"])
def test_a_session_on_no_server_needs_no_end(tmp_path: Path, remote: str) -> None:
    own_session(Workspace(tmp_path), "one")
    end_session(Workspace(tmp_path), "one", remote)
    assert not list((tmp_path / "engine" / "sessions").iterdir())


def test_a_session_can_follow_another_wherever_that_is_collected(spark: object) -> None:
    # In a process of its own: one that stands still can be ended.
    command = [sys.executable, "-c", ONE_SESSION_AFTER_ANOTHER, os.environ["SPARK_REMOTE"]]
    subprocess.run(command, check=True, timeout=60)


def test_what_a_dead_runner_left_is_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    own_session(workspace, "living")
    write_json(workspace.engine / "sessions" / "dead.json", {"pid": os.getpid(), "started": 1.0})
    assert end_abandoned_sessions(workspace) == 1
    assert [file.stem for file in (workspace.engine / "sessions").iterdir()] == ["living"]
