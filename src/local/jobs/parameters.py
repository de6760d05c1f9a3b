"""Which parameters a notebook gets: those that it declares, from the job's and the task's, the job's first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from common.errors import DeclarationError, ParameterError
from common.parameters import PARAMETERS
from local.jobs.dynamic_values import RunValues, TaskValues, replace_references
from local.jobs.job import Job, Task
from local.jobs.notebook import declared_parameters
from local.jobs.yaml_file import near
from local.workspace import shown_path


def prepare(job: Job, parameters: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """Checks all that can be checked before anything runs; returns the parameters that each task's notebook declares.

    Raises:
        DeclarationError: see `check_parameters`.
        ParameterError: a parameter was given that the job doesn't have.

    """
    declared = check_parameters(job, parameters)
    run = RunValues(job.key, job.name, "run", datetime.now(UTC))
    check_references(job, declared, replace(run, parameters=job_values(job, parameters, run)))
    return declared


def check_parameters(job: Job, given: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The parameters that each task's notebook declares, by task key; every mistake is raised before a task runs.

    Raises:
        DeclarationError: a notebook is missing or has no `parameters` cell; a parameter is declared by no notebook;
            a reference in a value leads nowhere.
        ParameterError: a parameter was given that the job doesn't have; a value isn't what its parameter must be.

    """
    for name in given:
        if name not in job.parameters:
            raise ParameterError(
                f"--param {name}: job {job.key} has no such parameter; {near(name, job.parameters, 'it has')}"
            )
    declared = {task.key: declared_parameters(task.notebook) for task in job.tasks}
    anywhere = frozenset().union(*declared.values())
    file = shown_path(job.file)
    for name in job.parameters:
        if name not in anywhere:
            raise DeclarationError(
                f"{file}: parameters: no notebook of job {job.key} declares '{name}'; {near(name, anywhere)}"
            )
    for task in job.tasks:
        for name in task.base_parameters:
            if name not in declared[task.key]:
                raise DeclarationError(
                    f"{file}: tasks.{task.key}.base_parameters: {shown_path(task.notebook)} declares no '{name}'; "
                    f"{near(name, declared[task.key])}"
                )
    _check_values("--param ", given)
    _check_values(f"{file}: parameters: ", job.parameters)
    for task in job.tasks:
        _check_values(f"{file}: tasks.{task.key}.base_parameters: ", task.base_parameters)
    return declared


def _check_values(place: str, values: Mapping[str, str]) -> None:
    """A value that refers to another is checked later; a parameter of a person's own notebook may be anything."""
    for name, value in values.items():
        if name in PARAMETERS and "{{" not in value:
            try:
                PARAMETERS[name].typed(value)
            except ParameterError as error:
                raise ParameterError(f"{place}{error}") from None


def job_values(job: Job, given: Mapping[str, str], run: RunValues) -> dict[str, str]:
    """The job's parameters with what was given for this run, references to the run replaced.

    Raises:
        DeclarationError: a reference leads nowhere.

    """
    known = run.of_job()
    place = f"{shown_path(job.file)}: parameters"
    return {
        name: replace_references(value, known, f"{place}.{name}") for name, value in {**job.parameters, **given}.items()
    }


def task_values(
    job: Job,
    task: Task,
    *,
    declared: frozenset[str],
    run: RunValues,
    this: TaskValues,
    finished: Mapping[str, TaskValues],
) -> dict[str, str]:
    """The parameters for one attempt of a task, all text: where both have a name, the job's value wins.

    Raises:
        DeclarationError: a reference leads nowhere, such as to a task that this one doesn't come after.

    """
    known = run.of_job() | this.under("task")
    for key, values in finished.items():
        known |= values.under(f"tasks.{key}")
    place = f"{shown_path(job.file)}: tasks.{task.key}.base_parameters"
    own = {name: replace_references(value, known, f"{place}.{name}") for name, value in task.base_parameters.items()}
    return {name: value for name, value in {**own, **run.parameters}.items() if name in declared}


def check_references(job: Job, declared: Mapping[str, frozenset[str]], run: RunValues) -> None:
    """Resolves every task's parameters once, as if all tasks before it had run.

    Raises:
        DeclarationError: a reference leads nowhere.

    """
    for task in job.tasks:
        before = {key: TaskValues(key, key) for key in _upstream(job, task)}
        task_values(
            job, task, declared=declared[task.key], run=run, this=TaskValues(task.key, task.key), finished=before
        )


def _upstream(job: Job, task: Task) -> set[str]:
    found = set(task.depends_on)
    for key in task.depends_on:
        found |= _upstream(job, job.task(key))
    return found
