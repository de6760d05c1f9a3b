"""`lakehouse run JOB --target TARGET`: the deployed job started, followed and shown as a local run is."""

import os
import signal
from pathlib import Path

import pytest
from remote_world import PAGE, World
from stub_runs import Attempt

RESULT = '{"rows_in": 1200, "rows_out": 3, "note": "one refused", "facts": {"refused": {"bad id": 1}}}'


def test_a_run_from_its_start_to_its_summary(world: World) -> None:
    world.deploy()
    world.script(
        first=[Attempt(ticks=2, result=RESULT)], second=[Attempt(result='{"facts": {"refused": {"bad id": 4}}}')]
    )
    answer = world.lakehouse("--target", "dev", "--param", "day=monday")
    assert answer.code == 0
    assert answer.lines == [
        f"run page: {PAGE}",
        "run 1001 of job trial: 2 tasks",
        "first: started",
        "first: success in 20.0 s, 1,200 rows in, 3 out",
        "second: started",
        "second: success in 10.0 s",
        "run 1001: success after 40 s",
        "task state rows in rows out seconds note",
        "first success 1,200 3 20.0 one refused",
        "second success 10.0",
        "refused",
        "bad id 5",
        "trial: success in 40 s",
        f"run page {PAGE}",
        "what is deployed databricks bundle summary -t dev",
    ]
    assert answer.err == ""
    assert world.started() == [{"job_id": 1000, "job_parameters": {"day": "monday"}}]
    assert world.clock.slept_seconds == [3, 3, 3]


def test_nothing_is_sent_that_was_not_given_and_nothing_is_left_here(world: World, tmp_path: Path) -> None:
    world.deploy()
    assert world.lakehouse("--target", "dev").code == 0
    assert world.started() == [{"job_id": 1000}]
    assert not (tmp_path / "home").exists()


def test_a_landing_folder_is_one_of_the_workspace(world: World) -> None:
    world.deploy()
    assert world.lakehouse("--target", "dev", "-p", "landing=files/today").code == 0
    assert world.started()[0]["job_parameters"] == {"landing": "files/today"}


def test_a_failure_with_its_error_and_the_way_on(world: World) -> None:
    world.deploy()
    trace = "Traceback\x1b[31m of the cell"
    world.script(first=[Attempt(ends="FAILED", error="\x1b[31mModelError\x1b[0m: no champion", trace=trace)])
    answer = world.lakehouse("--target", "dev", "--param", "day=monday")
    assert answer.code == 1
    assert answer.lines == [
        f"run page: {PAGE}",
        "run 1001 of job trial: 2 tasks",
        "first: started",
        "first: failed in 10.0 s",
        "second: skipped",
        "run 1001: failed after 20 s",
        "task state rows in rows out seconds note",
        "first failed 10.0",
        "second skipped",
        "first failed",
        "ModelError: no champion",
        f"run page of the task: {PAGE}/task/1002",
        "trial: failed in 20 s",
        f"run page {PAGE}",
        "go on from there lakehouse run trial --target dev --param day=monday --from first",
    ]


def test_the_trace_is_for_debugging(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ends="FAILED", error="no champion", trace="Traceback of the cell")])
    assert "Traceback of the cell" in world.lakehouse("--target", "dev", "--debug").lines
    assert "Traceback" not in world.lakehouse("--target", "dev").out


@pytest.mark.parametrize("error_code", [400, 403])
def test_without_an_output_a_failure_says_what_its_state_says(world: World, error_code: int) -> None:
    world.deploy()
    world.script(first=[Attempt(ends="FAILED", error="no champion", message="Cluster is gone.")])
    world.trouble(9, error_code, "get-output")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "Cluster is gone." in answer.lines
    assert "no champion" not in answer.out


def test_without_an_output_a_success_has_no_rows(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(result=RESULT)])
    world.trouble(9, 404, "get-output")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert "first: success in 10.0 s" in answer.lines


def test_a_task_that_timed_out(world: World) -> None:
    world.write({"first": {"timeout_seconds": 5}, "second": {"depends_on": [{"task_key": "first"}]}})
    world.deploy()
    world.script(first=[Attempt(ends="TIMEDOUT", error="Notebook execution timed out")])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "first: timed out in 10.0 s" in answer.lines
    assert "second: skipped" in answer.lines
    assert "took longer than timeout_seconds: 5" in answer.lines
    assert "go on from there lakehouse run trial --target dev --from first" in answer.lines


def test_a_run_that_somebody_cancels(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=99)])
    world.clock.meanwhile = lambda: world.post("/api/2.2/jobs/runs/cancel", run_id=1001)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "first: canceled in 10.0 s" not in answer.lines  # cancelled in the tick in which it began
    assert "first: canceled in 0.0 s" in answer.lines
    assert "second: canceled" in answer.lines
    assert "trial: canceled in 10 s" in answer.lines


def test_what_was_cancelled_lets_others_be_skipped(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(ends="CANCELED", message="Cancelled by bob@example.com")])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "first: canceled in 10.0 s" in answer.lines
    assert "second: skipped" in answer.lines
    assert "Cancelled by bob@example.com" in answer.lines


@pytest.mark.parametrize(("ends", "word"), [("EXCLUDED", "not needed"), ("DISABLED", "not selected")])
def test_what_need_not_run_is_no_failure(world: World, ends: str, word: str) -> None:
    world.deploy()
    world.script(second=[Attempt(ends=ends)])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert f"second {word}" in answer.lines


@pytest.mark.parametrize(("pause_ticks", "setup_ticks"), [(0, 0), (2, 0), (0, 2)])
def test_a_retry_shows_why_and_the_end_counts(world: World, pause_ticks: int, setup_ticks: int) -> None:
    world.write({"first": {"max_retries": 1}, "second": {"depends_on": [{"task_key": "first"}]}})
    world.deploy()
    lost = Attempt(ends="FAILED", error="ConnectionError: try\nagain", pause_ticks=pause_ticks)
    world.script(first=[lost, Attempt(result='{"rows_out": 7}', setup_ticks=setup_ticks)])
    seconds = f"{2 + pause_ticks + setup_ticks}0.0"
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert answer.lines[2:7] == [
        "first: started",
        "first: started, attempt 2 after: ConnectionError: try",
        f"first: success in {seconds} s, 7 out",
        "second: started",
        "second: success in 10.0 s",
    ]
    assert f"first success (2 attempts) 7 {seconds}" in answer.lines


def test_retries_that_are_used_up(world: World) -> None:
    world.write({"first": {"max_retries": 2}})
    world.deploy()
    world.script(first=[Attempt(ends="FAILED", error=f"error {number}") for number in (1, 2, 3)])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert answer.lines[2:6] == [
        "first: started",
        "first: started, attempt 2 after: error 1",
        "first: started, attempt 3 after: error 2",
        "first: failed in 30.0 s",
    ]
    assert "first failed (3 attempts) 30.0" in answer.lines
    assert "error 3" in answer.lines


def test_a_retry_that_does_not_come_is_a_failure_in_the_end(world: World) -> None:
    world.write({"first": {"max_retries": 1}})
    world.deploy()
    world.script(first=[Attempt(ends="FAILED", is_final=True)])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert "first: failed in 10.0 s" in answer.lines
    assert "first failed 10.0" in answer.lines


def test_several_failures_call_for_the_whole_job(world: World) -> None:
    world.write({"first": {}, "second": {}})
    world.deploy()
    world.script(first=[Attempt(ends="FAILED")], second=[Attempt(ends="FAILED")])
    assert world.lakehouse("--target", "dev").lines[-1] == "run it again lakehouse run trial --target dev"


@pytest.mark.parametrize("others_end", ["", "DISABLED", "EXCLUDED", "UPSTREAM_FAILED"])
def test_one_task_or_a_task_and_what_follows(world: World, others_end: str) -> None:
    follows = {"depends_on": [{"task_key": "second"}]}
    world.write({"third": follows, "first": {}, "second": {"depends_on": [{"task_key": "first"}]}})
    world.deploy()
    world.script(others_end=others_end)
    alone = world.lakehouse("--target", "dev", "--only", "second")
    assert alone.code == 0
    assert "run 1001 of job trial: 1 task" in alone.lines
    assert "first not selected" in alone.lines
    assert "third not selected" in alone.lines
    assert "second success 10.0" in alone.lines
    assert world.lakehouse("--target", "dev", "--from", "second").code == 0
    assert [body["only"] for body in world.started()] == [["second"], ["second", "third"]]


def test_tasks_of_the_deployed_job_are_those_that_are_shown(world: World) -> None:
    world.write({"first": {}, "old": {}})
    world.deploy()
    world.write({"first": {}, "new": {}})
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert "old success 10.0" in answer.lines
    assert "new not selected" in answer.lines


def test_what_is_being_set_up_has_not_started(world: World) -> None:
    world.deploy()
    world.script(first=[Attempt(setup_ticks=2)])
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert answer.lines.count("first: started") == 1
    assert "first: success in 10.0 s" in answer.lines


def test_a_run_that_waits_in_the_queue_says_so(world: World) -> None:
    world.deploy()
    world.script(queued_ticks=2)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 0
    assert answer.lines[1] == "waits in the queue: another run is active"


def test_a_run_that_never_ran_says_why(world: World) -> None:
    world.deploy()
    world.script(is_skipped=True)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 1
    assert any(line.startswith("trial: skipped in") and "A previous run" in line for line in answer.lines)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_following_sees_where_the_run_goes_on(world: World, kind: signal.Signals) -> None:
    world.deploy()
    world.script(first=[Attempt(ticks=99)])
    world.clock.meanwhile = lambda: os.kill(os.getpid(), kind)
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 130
    assert answer.lines[-1] == f"the run goes on: {PAGE} (to end it: databricks jobs cancel-run 1001)"
    assert world.workspace.runs[1001].ends == ""
