"""A checkout of its own for tests of the runner: tiny notebooks without Spark, and jobs of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_notebook

from local.jobs.bundle import load_bundle
from local.jobs.job import Job, load_job
from local.run.run_record import RunRecord
from local.run.runner import RunOptions, run_job
from local.workspace import Workspace


@dataclass
class Silent:
    """A reporter that remembers which states were reported."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def run_started(self, run: RunRecord) -> None:
        pass

    def task_changed(self, task: Any, cell: tuple[int, int] | None = None) -> None:
        self.seen.append((task.key, task.state))

    def run_ended(self, run: RunRecord) -> None:
        pass


@dataclass
class Checkout:
    """A folder with bundles/, jobs/ and notebooks/, and a workspace beside it."""

    root: Path
    workspace: Workspace

    def notebook(self, name: str, *cells: str, parameters: str | None = "") -> str:
        """Writes a notebook; its path as a job names it."""
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        if parameters is not None:
            notebook.cells.insert(0, new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
        return f"../notebooks/{name}.ipynb"

    def bundle(self, **content: Any) -> None:
        """Writes bundles/databricks.yml."""
        base = {"bundle": {"name": "trial"}, "include": ["../jobs/*.yml"], "targets": {"dev": {"default": True}}}
        self._write("bundles/databricks.yml", yaml.safe_dump(base | content))

    def job(self, *tasks: Mapping[str, Any], **keys: Any) -> None:
        """Writes the job `trial`."""
        self.job_text(yaml.safe_dump({"resources": {"jobs": {"trial": {"tasks": list(tasks), **keys}}}}))

    def job_text(self, text: str) -> None:
        """Writes jobs/trial.yml as it is given."""
        self._write("jobs/trial.yml", text)

    def load(self, **options: Any) -> Job:
        """The job `trial`."""
        return load_job(load_bundle(self.root, **options), "trial")

    def run(self, reporter: Any = None, **options: Any) -> RunRecord:
        """Runs the job `trial`."""
        return run_job(self.workspace, self.load(), RunOptions(**options), reporter or Silent())

    def executed(self, record: RunRecord, name: str) -> str:
        """All that an executed notebook printed."""
        notebook = nbformat.read(record.folder / f"{name}.ipynb", as_version=4)
        texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
        return "".join(texts)

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def a_task(key: str, notebook: str, *after: str, base: Mapping[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A task of a job file."""
    notebook_task: dict[str, Any] = {"notebook_path": notebook}
    if base is not None:
        notebook_task["base_parameters"] = dict(base)
    depends_on = {"depends_on": [{"task_key": name} for name in after]} if after else {}
    return {"task_key": key, "notebook_task": notebook_task, **depends_on, **keys}
