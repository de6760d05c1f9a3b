"""A job's notebooks as Databricks runs them: one after the other, with its values in widgets."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat

from common.settings import repository
from local.jobs.bundle import load_bundle
from local.jobs.dynamic_values import RunValues, TaskValues
from local.jobs.job import load_job
from local.jobs.parameters import check_parameters, job_values, task_values


class Exit(Exception):
    """How `dbutils.notebook.exit` ends a notebook."""


class Dbutils:
    """Widgets that hold a job's values, all text, and the end of a notebook."""

    def __init__(self, given: Mapping[str, str]) -> None:
        assert all(isinstance(value, str) for value in given.values())
        self.given, self.made = given, dict[str, str]()
        self.widgets = self.notebook = self

    def text(self, name: str, default: str, label: str = "") -> None:
        self.made.setdefault(name, default)

    def dropdown(self, name: str, default: str, choices: list[str], label: str = "") -> None:
        self.text(name, default)

    def get(self, name: str) -> str:
        assert name in self.made, f"InputWidgetNotDefined: {name}"
        return self.given.get(name, self.made[name])

    def exit(self, value: str) -> None:
        raise Exit(value)


def run_as_databricks(notebook: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Runs a notebook's cells with its own defaults, the job's values in widgets; what it ended with."""
    namespace: dict[str, object] = {"__name__": "__main__", "display": print, "dbutils": Dbutils(given)}
    try:
        for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{notebook.name}, cell {number}", "exec"), namespace)
    except Exit as ended:
        result: dict[str, Any] = json.loads(str(ended))
        return result
    raise AssertionError(f"{notebook.name} didn't end with its result")


def run_job(key: str, **given: str) -> dict[str, dict[str, Any]]:
    """Runs a job's notebooks; what each ended with, by task. Of the parameters `given` it takes those that it has."""
    job = load_job(load_bundle(repository()), key)
    given = {name: value for name, value in given.items() if name in job.parameters}
    declared = check_parameters(job, given)
    run = RunValues(job.key, job.name, "4711", datetime.now(UTC))
    run = replace(run, parameters=job_values(job, given, run))
    finished: dict[str, TaskValues] = {}
    ended = {}
    for task in job.tasks:
        this = TaskValues(task.key, task.key, str(task.notebook), 1)
        values = task_values(job, task, declared=declared[task.key], run=run, this=this, finished=finished)
        ended[task.key] = run_as_databricks(task.notebook, values)
        finished[task.key] = replace(this, result_state="success")
    return ended
