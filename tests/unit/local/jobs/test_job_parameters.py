"""Which values a notebook gets, and what references in them stand for."""

import re
from datetime import UTC, datetime

import pytest
from job_builders import Checkout, a_task

from common.errors import DeclarationError, ParameterError
from local.jobs.dynamic_values import RunValues, TaskValues, replace_references
from local.jobs.parameters import check_parameters, job_values, prepare, task_values

STARTED = datetime(2026, 3, 7, 4, 5, 6, 789000, tzinfo=UTC)  # a Saturday
RUN = RunValues("trial", "Trial job", "run-1", STARTED, {"day": "job"})


def values_of(checkout: Checkout, key: str, given: dict[str, str] | None = None) -> dict[str, str]:
    """The parameters that a task's notebook would get."""
    job = checkout.load()
    declared = check_parameters(job, given or {})[key]
    run = RunValues(job.key, job.name, "run-1", STARTED)
    run = RunValues(job.key, job.name, "run-1", STARTED, job_values(job, given or {}, run))
    this = TaskValues(key, f"run-1-{key}", execution_count=2)
    before = {name: TaskValues(name, f"run-1-{name}", result_state="success") for name in job.task(key).depends_on}
    return task_values(job, job.task(key), declared=declared, run=run, this=this, finished=before)


def test_a_job_parameter_wins_over_a_base_parameter_of_the_same_name(checkout: Checkout) -> None:
    notebook = checkout.notebook("one", parameters="day = ''\nkind = ''")
    checkout.job(
        a_task("one", notebook, base={"day": "task", "kind": "task"}), parameters=[{"name": "day", "default": "job"}]
    )
    assert values_of(checkout, "one") == {"day": "job", "kind": "task"}
    assert values_of(checkout, "one", {"day": "given"}) == {"day": "given", "kind": "task"}


def test_a_notebook_gets_only_what_it_declares_and_always_text(checkout: Checkout) -> None:
    one, other = (
        checkout.notebook("one", parameters="count: int = 1"),
        checkout.notebook("other", parameters="flag = 0"),
    )
    checkout.job(
        a_task("one", one),
        a_task("other", other),
        parameters=[{"name": "count", "default": 5}, {"name": "flag", "default": True}],
    )
    assert values_of(checkout, "one") == {"count": "5"}
    assert values_of(checkout, "other") == {"flag": "true"}


@pytest.mark.parametrize(
    ("given", "of_job", "of_task", "message"),
    [
        ({"train_days": "soon"}, "60", "60", "--param train_days='soon': must be a whole number"),
        ({"train_days": "0"}, "60", "60", "--param train_days='0': must be 1 or more"),
        ({}, "many", "60", "parameters: train_days='many': must be a whole number"),
        ({}, "60", "many", "tasks.one.base_parameters: train_days='many': must be a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_anything_runs(
    checkout: Checkout, given: dict[str, str], of_job: str, of_task: str, message: str
) -> None:
    notebook = checkout.notebook("one", parameters="train_days = 60")
    checkout.job(
        a_task("one", notebook, base={"train_days": of_task}), parameters=[{"name": "train_days", "default": of_job}]
    )
    with pytest.raises(ParameterError, match=re.escape(message)):
        values_of(checkout, "one", given)


def test_references_in_job_and_base_parameters(checkout: Checkout) -> None:
    notebook = checkout.notebook("one", parameters="a = b = ''\nc = ''")
    checkout.job(
        a_task("first", notebook),
        a_task(
            "one",
            notebook,
            "first",
            base={
                "b": "{{job.parameters.a}}/{{ task.name }}/{{task.execution_count}}",
                "c": "{{tasks.first.result_state}}",
            },
        ),
        parameters=[{"name": "a", "default": "{{job.start_time.iso_date}}"}],
    )
    assert values_of(checkout, "one") == {"a": "2026-03-07", "b": "2026-03-07/one/2", "c": "success"}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("{{job.run_id}}", "run-1"),
        ("{{job.name}}", "Trial job"),
        ("{{job.id}}", "trial"),
        ("{{job.repair_count}}", "0"),
        ("{{job.start_time.iso_weekday}}", "6"),
        ("{{job.start_time.is_weekday}}", "false"),
        ("{{job.start_time.iso_datetime}}", "2026-03-07T04:05:06.789000"),
        ("{{job.start_time.year}}-{{job.start_time.month}}-{{job.start_time.day}}", "2026-3-7"),
        ("{{job.start_time.hour}}:{{job.start_time.minute}}:{{job.start_time.second}}", "4:5:6"),
        ("{{job.start_time.timestamp_ms}}", "1772856306789"),
        ("{{job.parameters.`day`}}", "job"),
        ("{{my.value}} {{x}} {job.run_id}", "{{my.value}} {{x}} {job.run_id}"),
    ],
)
def test_references_of_a_run(reference: str, value: str) -> None:
    assert replace_references(reference, RUN.of_job(), "here") == value


@pytest.mark.parametrize("base", ["{{job.naem}}", "{{tasks.later.run_id}}", "{{task.nothing}}", "{{job.parameters.x}}"])
def test_reference_that_leads_nowhere_is_found_before_anything_runs(checkout: Checkout, base: str) -> None:
    notebook = checkout.notebook("one", parameters="a = ''")
    checkout.job(a_task("one", notebook, base={"a": base}), a_task("later", notebook, "one"))
    with pytest.raises(DeclarationError, match=r"tasks\.one\.base_parameters\.a: .*is unknown here"):
        prepare(checkout.load(), {})
