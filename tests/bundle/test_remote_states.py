"""States and results as the API tells them, in the words of local runs."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from databricks.sdk.service.jobs import NotebookOutput, Run, RunLifeCycleState, RunResultState, RunTask
from rich.console import Console

from local.remote.output import published
from local.remote.record import RemoteRun
from local.remote.states import has_ended, state_of
from local.run.progress import LiveReporter
from local.run.run_record import TaskRecord


def a_task(old: dict[str, Any] | None = None, new: dict[str, Any] | None = None) -> RunTask:
    task: dict[str, Any] = {"task_key": "one"}
    return RunTask.from_dict(task | ({"state": old} if old else {}) | ({"status": new} if new else {}))


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ("SUCCESS", "SUCCESS"),
        ("SUCCESS_WITH_FAILURES", "FAILED"),
        ("FAILED", "FAILED"),
        ("TIMEDOUT", "TIMEDOUT"),
        ("CANCELED", "CANCELED"),
        ("MAXIMUM_CONCURRENT_RUNS_REACHED", "FAILED"),
        ("UPSTREAM_FAILED", "UPSTREAM_FAILED"),
        ("UPSTREAM_CANCELED", "UPSTREAM_FAILED"),
        ("EXCLUDED", "EXCLUDED"),
        ("DISABLED", "NOT_SELECTED"),
        ("A_RESULT_OF_TOMORROW", "FAILED"),
    ],
)
def test_a_result(result: str, state: str) -> None:
    task = a_task({"life_cycle_state": "TERMINATED", "result_state": result})
    assert (has_ended(task), state_of(task)) == (True, state)


@pytest.mark.parametrize(
    ("life_cycle", "ended", "state"),
    [
        ("BLOCKED", False, "PENDING"),
        ("QUEUED", False, "PENDING"),
        ("PENDING", False, "PENDING"),
        ("RUNNING", False, "RUNNING"),
        ("TERMINATING", False, "RUNNING"),
        ("WAITING_FOR_RETRY", False, "RUNNING"),
        ("SKIPPED", True, "UPSTREAM_FAILED"),
        ("INTERNAL_ERROR", True, "FAILED"),
        ("TERMINATED", True, "FAILED"),
        ("A_STATE_OF_TOMORROW", False, "PENDING"),
    ],
)
def test_a_state_without_a_result(life_cycle: str, ended: bool, state: str) -> None:
    task = a_task({"life_cycle_state": life_cycle})
    assert (has_ended(task), state_of(task)) == (ended, state)


def test_all_results_and_states_that_the_sdk_knows_are_tried_here() -> None:
    tried = [mark for test in (test_a_result, test_a_state_without_a_result) for mark in test.pytestmark]  # type: ignore[attr-defined]
    names = {values[0] for mark in tried for values in mark.args[1]}
    assert {state.value for state in (*RunResultState, *RunLifeCycleState)} <= names


@pytest.mark.parametrize(
    ("state", "code", "ended", "expected"),
    [
        ("BLOCKED", None, False, "PENDING"),
        ("RUNNING", None, False, "RUNNING"),
        ("WAITING", None, False, "RUNNING"),
        ("TERMINATING", "SUCCESS", False, "RUNNING"),
        ("TERMINATED", "SUCCESS", True, "SUCCESS"),
        ("TERMINATED", "RUN_EXECUTION_ERROR", True, "FAILED"),
        ("TERMINATED", "CLUSTER_ERROR", True, "FAILED"),
        ("TERMINATED", "USER_CANCELED", True, "CANCELED"),
        ("TERMINATED", "SKIPPED", True, "UPSTREAM_FAILED"),
        ("TERMINATED", "DISABLED", True, "NOT_SELECTED"),
        ("TERMINATED", "A_CODE_OF_TOMORROW", True, "FAILED"),
    ],
)
def test_the_newer_status_alone(state: str, code: str | None, ended: bool, expected: str) -> None:
    task = a_task(None, {"state": state} | ({"termination_details": {"code": code}} if code else {}))
    assert (has_ended(task), state_of(task)) == (ended, expected)


def test_the_older_state_tells_a_timeout_apart() -> None:
    old = {"life_cycle_state": "TERMINATED", "result_state": "TIMEDOUT"}
    new = {"state": "TERMINATED", "termination_details": {"code": "CANCELED"}}
    assert state_of(a_task(old, new)) == "TIMEDOUT"


def test_of_a_run_that_nothing_is_known_yet() -> None:
    assert (has_ended(Run()), state_of(Run())) == (False, "PENDING")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"rows_in": 3}', {"rows_in": 3}),
        ('{"rows_in": null, "note": null, "facts": null}', {"rows_in": None, "note": None, "facts": None}),
        ('{"facts": {"refused": {"a": 1}}, "more": 1}', {"facts": {"refused": {"a": 1}}, "more": 1}),
        ("done", {}),
        ("", {}),
        ("3", {}),
        ("[1]", {}),
        ('{"rows_in": 3', {}),
        ('{"rows_in": "three"}', {}),
        ('{"rows_in": true}', {}),
        ('{"rows_out": 1.5}', {}),
        ('{"note": 3}', {}),
        ('{"facts": [1]}', {}),
    ],
)
def test_a_result_is_json_of_the_known_form(text: str, result: dict[str, Any]) -> None:
    assert published(NotebookOutput(result=text)) == result


def test_half_a_result_is_none() -> None:
    assert published(NotebookOutput(result='{"rows_in": 3}', truncated=True)) == {}
    assert published(NotebookOutput()) == {}
    assert published(None) == {}


def test_in_a_terminal_what_happens_on_the_way_is_above_the_table() -> None:
    text = io.StringIO()
    reporter = LiveReporter(Console(file=text, width=60, force_terminal=True))
    task = TaskRecord("one", "RUNNING", 1, datetime.now(UTC))
    run = RemoteRun("7", "trial", "dev", "https://example.com", {"one": task})
    reporter.run_started(run)
    reporter.notice("no answer from https://example.com, trying again, " + "again " * 10)
    run.task("two").state = "RUNNING"
    reporter.run_ended(run)
    shown = text.getvalue()
    assert "trying again, " + "again " * 9 in shown  # not wrapped
    assert "two" in shown[shown.index("trying again") :]
