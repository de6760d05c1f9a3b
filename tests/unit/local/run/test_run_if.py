"""`run_if`, against the table of Databricks' documentation."""

import pytest

from local.run.run_if import decide
from local.run.run_record import EXCLUDED, FAILED, NOT_SELECTED, RUNNING, SUCCESS, TIMEDOUT, UPSTREAM_FAILED

GOOD, BAD, MIXED = [SUCCESS, SUCCESS], [FAILED, TIMEDOUT], [SUCCESS, FAILED]


@pytest.mark.parametrize(
    ("run_if", "all_good", "all_bad", "mixed"),
    [
        ("ALL_SUCCESS", RUNNING, UPSTREAM_FAILED, UPSTREAM_FAILED),
        ("AT_LEAST_ONE_SUCCESS", RUNNING, UPSTREAM_FAILED, RUNNING),
        ("NONE_FAILED", RUNNING, UPSTREAM_FAILED, UPSTREAM_FAILED),
        ("ALL_DONE", RUNNING, RUNNING, RUNNING),
        ("AT_LEAST_ONE_FAILED", EXCLUDED, RUNNING, RUNNING),
        ("ALL_FAILED", EXCLUDED, RUNNING, EXCLUDED),
    ],
)
def test_each_condition(run_if: str, all_good: str, all_bad: str, mixed: str) -> None:
    assert [decide(run_if, states) for states in (GOOD, BAD, MIXED)] == [all_good, all_bad, mixed]
    assert decide(run_if, []) == RUNNING


def test_excluded_and_not_selected_tasks_count_as_successful() -> None:
    assert decide("ALL_SUCCESS", [EXCLUDED, SUCCESS]) == RUNNING
    assert decide("ALL_SUCCESS", [NOT_SELECTED]) == RUNNING


def test_a_task_is_excluded_when_all_before_it_are() -> None:
    assert decide("ALL_DONE", [EXCLUDED, EXCLUDED]) == EXCLUDED


def test_a_skipped_task_passes_the_failure_on() -> None:
    assert decide("ALL_SUCCESS", [UPSTREAM_FAILED]) == UPSTREAM_FAILED
