"""The runner, with tiny notebooks in real kernels and without Spark."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from job_builders import Checkout, Silent, a_task

from common.settings import repository
from local.processes import wait_until
from local.run import run_record as states
from local.run.run_record import RunRecord

PUBLISH = "from IPython.display import display\ndisplay({'application/vnd.lakehouse.result+json': %s}, raw=True)"


def task_states(record: RunRecord) -> dict[str, str]:
    return {key: task.state for key, task in record.tasks.items()}


def test_a_run_from_parameters_to_results(checkout: Checkout) -> None:
    first = checkout.notebook(
        "first",
        "import os\nprint(repr(days), repr(day), os.environ['LAKEHOUSE_TASK_KEY'], os.environ['LAKEHOUSE_HOME'])",
        PUBLISH % {"rows_in": 10, "rows_out": 1, "facts": {"refused": {"bad id": 2}}},
        PUBLISH % {"rows_out": 8, "note": "two refused", "facts": {"alerts": 3}},
        parameters="days = 60\nday = ''\nseed = 0",
    )
    last = checkout.notebook("last", "print('last')")
    checkout.job(
        a_task("last", last, "first"),
        a_task("first", first, base={"day": "{{job.start_time.iso_date}}"}),
        parameters=[{"name": "days", "default": 7}, {"name": "seed", "default": 1}],
    )
    record = checkout.run(parameters={"seed": "3"})
    assert record.state == states.SUCCESS
    assert (record.parameters, record.given) == ({"days": "7", "seed": "3"}, {"seed": "3"})
    home = checkout.workspace.home
    assert checkout.executed(record, "first") == f"'7' '{record.started:%Y-%m-%d}' first {home}\n"
    task = record.tasks["first"]
    assert (task.rows_in, task.rows_out, task.note) == (10, 8, "two refused")
    assert task.facts == {"refused": {"bad id": 2}, "alerts": 3}
    written = json.loads((record.folder / "run.json").read_text())
    assert (written["state"], written["run_id"], written["parameters"]) == ("SUCCESS", record.run_id, record.parameters)
    assert [(t["key"], t["state"], t["attempts"]) for t in written["tasks"]] == [
        ("first", "SUCCESS", 1),
        ("last", "SUCCESS", 1),
    ]
    assert written["ended"] >= written["started"]


def test_a_run_whose_notebooks_never_use_spark_starts_no_server(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    shows = "import os\nprint(os.environ['LAKEHOUSE_CLIENT_PID'], os.environ.get('SPARK_REMOTE'))"
    checkout.job(a_task("one", checkout.notebook("one", shows)))
    record = checkout.run()
    assert checkout.executed(record, "one") == f"{os.getpid()} None\n"
    engine = checkout.workspace.engine
    assert not list(engine.glob("*.json"))
    assert not list((engine / "clients").iterdir())


def test_a_failure_skips_what_comes_after_and_nothing_else(checkout: Checkout) -> None:
    fine = checkout.notebook("fine", "print('ran')")
    bad = checkout.notebook("bad", "good = 1", "from common.errors import ModelError\nraise ModelError('no champion')")
    checkout.job(
        a_task("bad", bad),
        a_task("after", fine, "bad"),
        a_task("much_later", fine, "after"),
        a_task("aside", fine),
        a_task("cleanup", fine, "after", run_if="ALL_DONE"),
    )
    record = checkout.run()
    assert record.state == states.FAILED
    assert task_states(record) == {
        "bad": "FAILED",
        "after": "UPSTREAM_FAILED",
        "much_later": "UPSTREAM_FAILED",
        "aside": "SUCCESS",
        "cleanup": "SUCCESS",
    }
    error = record.tasks["bad"].error
    assert error is not None
    assert error["message"] == "no champion"
    assert error["cell"].endswith("raise ModelError('no champion')")
    assert "ModelError" in error["trace"]
    assert Path(record.tasks["bad"].notebook).is_file()


def test_a_failed_attempt_is_kept_and_tried_again(checkout: Checkout, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    flaky = checkout.notebook(
        "flaky",
        f"import os, pathlib\nmarker = pathlib.Path({str(marker)!r})\nfound = marker.exists()\n"
        "marker.write_text(os.environ['LAKEHOUSE_SESSION_ID'])",
        "assert found, 'first time'",
    )
    checkout.job(a_task("flaky", flaky, max_retries=2))
    record = checkout.run()
    task = record.tasks["flaky"]
    assert (record.state, task.state, task.attempts, task.error) == ("SUCCESS", "SUCCESS", 2, None)
    assert sorted(file.name for file in record.folder.glob("*.ipynb")) == ["flaky.attempt-2.ipynb", "flaky.ipynb"]


def test_attempts_end_with_max_retries(checkout: Checkout) -> None:
    checkout.job(a_task("never", checkout.notebook("never", "1 / 0"), max_retries=1))
    task = checkout.run().tasks["never"]
    assert (task.state, task.attempts) == ("FAILED", 2)
    assert task.error is not None
    assert task.error["message"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("error", "attempts"), [("DeclarationError", 1), ("CheckpointError", 1), ("EngineError", 2), ("LakehouseError", 2)]
)
def test_what_a_person_has_to_mend_is_not_tried_again(checkout: Checkout, error: str, attempts: int) -> None:
    cell = f"from common.errors import {error}\nraise {error}('there is no sources/x.yml')"
    checkout.job(a_task("mistaken", checkout.notebook("mistaken", cell), max_retries=1))
    record = checkout.run()
    assert record.state == states.FAILED
    assert record.tasks["mistaken"].attempts == attempts


def test_a_timeout_ends_the_notebook_and_is_not_retried_unless_asked(checkout: Checkout, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    slow = checkout.notebook(
        "slow", f"import os, pathlib, time\npathlib.Path({str(note)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    )
    checkout.job(a_task("slow", slow, timeout_seconds=5, max_retries=3))
    task = checkout.run().tasks["slow"]
    assert (task.state, task.attempts) == ("TIMEDOUT", 1)
    assert task.error is not None
    assert task.error["message"] == "took longer than timeout_seconds: 5"
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_a_jobs_timeout_ends_all_of_it(checkout: Checkout) -> None:
    slow = checkout.notebook("slow", "import time\ntime.sleep(600)")
    checkout.job(a_task("slow", slow), a_task("after", slow, "slow"), timeout_seconds=3)
    record = checkout.run()
    assert record.state == states.TIMEDOUT
    assert task_states(record)["after"] in ("TIMEDOUT", "CANCELED")


def test_tasks_without_mutual_dependency_run_side_by_side(checkout: Checkout, tmp_path: Path) -> None:
    def meets(own: str, other: str) -> str:
        return checkout.notebook(
            own,
            f"import pathlib, time\nfolder = pathlib.Path({str(tmp_path)!r})\n(folder / '{own}').touch()\n"
            f"end = time.monotonic() + 60\n"
            f"while not (folder / '{other}').exists():\n    assert time.monotonic() < end\n    time.sleep(0.05)",
        )

    checkout.job(a_task("left", meets("left", "right")), a_task("right", meets("right", "left")))
    assert checkout.run(parallel=2).state == states.SUCCESS


def test_selected_tasks_take_the_others_as_done(checkout: Checkout) -> None:
    fine = checkout.notebook("fine", "print('ran')")
    bad = checkout.notebook("bad", "1 / 0")
    checkout.job(a_task("bad", bad), a_task("middle", fine, "bad"), a_task("last", fine, "middle"))
    assert task_states(checkout.run(selected=frozenset({"middle", "last"}))) == {
        "bad": "NOT_SELECTED",
        "middle": "SUCCESS",
        "last": "SUCCESS",
    }


def test_a_notebook_whose_process_dies_fails(checkout: Checkout) -> None:
    checkout.job(a_task("dies", checkout.notebook("dies", "import os\nos._exit(3)")))
    task = checkout.run().tasks["dies"]
    assert task.state == "FAILED"
    assert task.error is not None
    assert "process ended" in task.error["message"]


def test_the_reporter_hears_of_every_change(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("one", "1")))
    reporter = Silent()
    checkout.run(reporter)
    assert reporter.seen[0] == ("one", "RUNNING")
    assert reporter.seen[-1] == ("one", "SUCCESS")


RUN_IN_A_PROCESS = """
import sys, signal
sys.path[:0] = [{tests!r}]
from pathlib import Path
from job_builders import Checkout
from local.workspace import Workspace
signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
Checkout(Path({root!r}), Workspace(Path({home!r}))).run()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_notebooks_and_leaves_a_workspace_to_run_in(
    checkout: Checkout, tmp_path: Path, number: signal.Signals
) -> None:
    note, go_on = tmp_path / "pid", tmp_path / "go_on"
    slow = checkout.notebook(
        "slow",
        f"import os, pathlib, time\nif not pathlib.Path({str(go_on)!r}).exists():\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n    time.sleep(600)",
    )
    checkout.job(a_task("slow", slow), a_task("after", slow, "slow"))
    home = checkout.workspace.home
    code = RUN_IN_A_PROCESS.format(tests=str(Path(__file__).parents[1]), root=str(checkout.root), home=str(home))
    environment = os.environ | {"PYTHONPATH": str(repository() / "src")}
    runner = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
    try:
        assert wait_until(lambda: note.exists() and note.read_text(), 60)
        runner.send_signal(number)
        _, complaint = runner.communicate(timeout=60)
    finally:
        runner.kill()
    assert b"KeyboardInterrupt" in complaint
    assert not Path(f"/proc/{note.read_text()}").exists()
    (file,) = checkout.workspace.runs.glob("*/run.json")
    written = json.loads(file.read_text())
    assert written["state"] == "CANCELED"
    assert [task["state"] for task in written["tasks"]] == ["CANCELED", "CANCELED"]
    assert not list((checkout.workspace.engine / "sessions").glob("*.json"))
    go_on.touch()
    assert checkout.run().state == states.SUCCESS


def test_a_second_run_is_refused_and_names_the_first(checkout: Checkout, tmp_path: Path) -> None:
    from local.run.job_lock import JobRunningError, job_lock

    begun, go_on = tmp_path / "begun", tmp_path / "go_on"
    waits = checkout.notebook(
        "waits",
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nend = time.monotonic() + 60\n"
        f"while not pathlib.Path({str(go_on)!r}).exists() and time.monotonic() < end:\n    time.sleep(0.05)",
    )
    checkout.job(a_task("waits", waits))
    records: list[RunRecord] = []
    first = threading.Thread(target=lambda: records.append(checkout.run()))
    first.start()
    try:
        assert wait_until(begun.exists, 60)
        (folder,) = checkout.workspace.runs.iterdir()
        with pytest.raises(JobRunningError, match=rf"run {folder.name}, process {os.getpid()}, since \d{{4}}-"):
            checkout.run()
        another = replace(checkout.load(), key="another")
        with (
            pytest.raises(JobRunningError, match=rf"job another can't run while job trial runs in .*{folder.name}"),
            job_lock(checkout.workspace, another, "run"),
        ):
            pass
        other = Checkout(checkout.root, type(checkout.workspace)(tmp_path / "other_home"))
        go_on.touch()
        assert other.run().state == states.SUCCESS
    finally:
        go_on.touch()
        first.join(60)
    assert records[0].state == states.SUCCESS
    assert checkout.run().state == states.SUCCESS


def test_a_run_whose_process_died_is_recognised(checkout: Checkout) -> None:
    checkout.job(a_task("one", checkout.notebook("one", "1")))
    workspace = checkout.workspace.create()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    run_id = "20260101T000000-dead"
    process = {"pid": dead.pid, "started": time.time()}
    (workspace.locks / "trial.0.json").write_text(json.dumps({"run_id": run_id, **process}))
    (workspace.runs / run_id).mkdir()
    left = {"run_id": run_id, "state": "RUNNING", "process": process, "tasks": [{"key": "one", "state": "RUNNING"}]}
    (workspace.runs / run_id / "run.json").write_text(json.dumps(left))
    assert checkout.run().state == states.SUCCESS
    written = json.loads((workspace.runs / run_id / "run.json").read_text())
    assert (written["state"], written["tasks"][0]["state"]) == ("ABANDONED", "CANCELED")
