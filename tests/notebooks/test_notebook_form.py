"""What all notebooks have in common: their parameters, their setup, and nothing that belongs into `src`."""

import ast
from pathlib import Path
from textwrap import indent
from typing import Any

import nbformat
import pytest

from common.parameters import PARAMETERS
from common.settings import repository
from local.jobs.bundle import load_bundle
from local.jobs.job import load_job

NOTEBOOKS = sorted((repository() / "notebooks").glob("*/*.ipynb"))
SETUP = """\
if "dbutils" in globals():  # on Databricks: this package is a folder of the deployment, not installed
    import sys

    dbutils.widgets.text("src", src)
    sys.path.append(dbutils.widgets.get("src"))

from common.notebook import open_lakehouse

lake = open_lakehouse(globals())"""
OF_THE_DEPLOYMENT = {"src", "run_id"}
"""Job parameters that say where the deployment is and which run this is: no defaults of a notebook."""


def cells(path: Path, kind: str = "code") -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def declared(path: Path) -> dict[str, object]:
    """The assignments of a notebook's `parameters` cell."""
    tagged = [cell for cell in cells(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    return {
        node.targets[0].id: ast.literal_eval(node.value)  # type: ignore[attr-defined]
        for node in ast.parse(tagged[0].source).body
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_have_the_declared_names_types_and_defaults(path: Path) -> None:
    for name, value in declared(path).items():
        assert name in PARAMETERS
        assert value == PARAMETERS[name].default
        assert type(value) is type(PARAMETERS[name].default)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_tells_and_leaves_the_doing_to_the_package(path: Path) -> None:
    code = cells(path)

    assert cells(path, "markdown")[0].source.startswith("# ")
    assert code[1].source == SETUP
    for cell in code:
        assert not cell.outputs
        assert cell.execution_count is None
        assert "%run" not in cell.source
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def test_the_docs_teach_the_setup_cell_that_notebooks_have() -> None:
    text = (repository() / "docs" / "how-to.md").read_text(encoding="utf-8")

    assert indent(f"```python\n{SETUP}\n```", "   ") in text


def test_every_declared_parameter_is_taken_by_a_notebook() -> None:
    taken = {name for path in NOTEBOOKS for name in declared(path)}

    assert taken == set(PARAMETERS)


def test_the_jobs_defaults_are_those_of_the_notebooks() -> None:
    job = load_job(load_bundle(repository()), "lakehouse")

    for name, value in job.parameters.items():
        if name not in OF_THE_DEPLOYMENT:
            assert PARAMETERS[name].typed(value) == PARAMETERS[name].default


def called(path: Path) -> set[str]:
    """The names of the functions that a notebook calls."""
    nodes = [node for cell in cells(path) for node in ast.walk(ast.parse(cell.source))]
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_every_job_that_reads_feeds_fails_by_those_that_could_not_be_read() -> None:
    """Reading leaves such feeds: in the same task or a later one something must look."""
    bundle = load_bundle(repository())
    checked = set()
    for name in sorted(path.stem for path in (repository() / "jobs").glob("*.yml")):
        job = load_job(bundle, name)
        tasks = {task.key: task for task in job.tasks}
        ahead: dict[str, set[str]] = {key: set() for key in tasks}
        for _ in tasks:
            for key, task in tasks.items():
                ahead[key] |= {one for direct in task.depends_on for one in ahead[direct] | {direct}}
        checks = {key for key, task in tasks.items() if {"check_feeds", "failure"} <= called(task.notebook)}
        for key in (key for key, task in tasks.items() if "ingest" in called(task.notebook)):
            assert any(check == key or key in ahead[check] for check in checks), f"{name}: no check after {key}"
            checked.add(name)
    assert checked == {"lakehouse", "ingest", "score_stream"}


def test_every_notebook_of_the_main_job_may_be_up_to_date_and_be_forced() -> None:
    job = load_job(load_bundle(repository()), "lakehouse")

    for path in {task.notebook for task in job.tasks}:
        third = cells(path)[2].source.splitlines()
        assert third[-1].startswith("lake.begin("), f"{path.name}: before anything works"
        assert "force" in declared(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_result_is_the_last_that_a_notebook_says(path: Path) -> None:
    # On Databricks a notebook ends there: what came after would be done on a laptop alone.
    *before, last = [statement for cell in cells(path) for statement in ast.parse(cell.source).body]

    assert ast.unparse(last).startswith("lake.result(")
    assert not any("lake.result(" in ast.unparse(statement) for statement in before)
