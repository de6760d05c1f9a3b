"""A job's notebooks as Databricks runs them: one after the other, with its values in widgets."""

import ast
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.formatters import DisplayFormatter

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


@dataclass(frozen=True)
class Ended:
    """What a notebook ended with, and all that its cells showed, as text or HTML."""

    result: dict[str, Any]
    shown: str


def run_as_databricks(notebook: Path, given: Mapping[str, str]) -> Ended:
    """Runs a notebook's cells with its own defaults, the job's values in widgets."""
    shown = io.StringIO()

    def display(*objects: object) -> None:
        shown.writelines(f"{text}\n" for one in objects for text in _texts(one))

    namespace: dict[str, object] = {"__name__": "__main__", "display": display, "dbutils": Dbutils(given)}
    try:
        with redirect_stdout(shown), redirect_stderr(shown):
            for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
                if cell.cell_type == "code":
                    display(_value(cell.source, f"{notebook.name}, cell {number}", namespace))
    except Exit as ended:
        return Ended(json.loads(str(ended)), shown.getvalue())
    except Exception:
        print(shown.getvalue())
        raise
    raise AssertionError(f"{notebook.name} didn't end with its result")


def _value(source: str, name: str, namespace: dict[str, object]) -> object:
    """Runs a cell; the value of the expression that it ends with, which a notebook shows."""
    statements = ast.parse(source, name).body
    last = statements.pop() if statements and isinstance(statements[-1], ast.Expr) else None
    exec(compile(ast.Module(statements, []), name, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace) if last is not None else None


def _texts(one: object) -> list[str]:
    """All forms of a value that a notebook shows, but pictures; of None it shows nothing."""
    forms = {} if one is None else DisplayFormatter().format(one)[0]  # type: ignore[no-untyped-call]
    return [str(text) for kind, text in forms.items() if not kind.startswith("image/")]


def run_job(key: str, **given: str) -> dict[str, Ended]:
    """Runs a job's notebooks; how each ended, by task. Of the parameters `given` it takes those that it has."""
    job = load_job(load_bundle(repository()), key)
    given = {name: value for name, value in given.items() if name in job.parameters}
    declared = check_parameters(job, given)
    run = RunValues(job.key, job.name, "4711", datetime.now(UTC))
    run = replace(run, parameters=job_values(job, given, run))
    finished: dict[str, TaskValues] = {}
    ended: dict[str, Ended] = {}
    for task in job.tasks:
        this = TaskValues(task.key, task.key, str(task.notebook), 1)
        values = task_values(job, task, declared=declared[task.key], run=run, this=this, finished=finished)
        ended[task.key] = run_as_databricks(task.notebook, values)
        finished[task.key] = replace(this, result_state="success")
    return ended
