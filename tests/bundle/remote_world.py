"""A checkout with a small job, deployed to a stub workspace that is served, and the command line that runs it."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stub_jobs  # noqa: F401  (each of these modules registers its part of the API)
import stub_models  # noqa: F401
import stub_runs
import yaml
from databricks.sdk.clock import Clock
from stub_workspace import Trouble, Workspace

from local import cli

ROOT = "/Workspace/Users/alice@example.com/.bundle/trial/dev"
PAGE = "https://dbc-1a2b3c4d-5e6f.cloud.databricks.com/?o=1234567890123456#job/1000/run/1001"
"""The page of the first run of the first job: ids count from 1000."""


class QuickClock(Clock):
    """Waits in no time: what is slept is added to the time of day. While it sleeps, `meanwhile` happens."""

    def __init__(self) -> None:
        self.slept_seconds: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def time(self) -> float:
        return time.time() + sum(self.slept_seconds)

    def sleep(self, seconds: float) -> None:
        self.slept_seconds.append(seconds)
        self.meanwhile()


@dataclass
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines of standard output, each with its words one space apart; a line of progress without its time."""
        lines = [" ".join(line.split()) for line in self.out.splitlines()]
        return [line[9:] if line[2:3] == line[5:6] == ":" else line for line in lines if line]

    @property
    def error(self) -> str:
        """Standard error as one line."""
        return " ".join(self.err.replace("│", " ").split())


@dataclass
class World:
    """The checkout, the workspace and the way from one to the other."""

    root: Path
    workspace: Workspace
    host: str
    clock: QuickClock
    capsys: pytest.CaptureFixture[str]

    def write(self, tasks: Mapping[str, Mapping[str, Any]], **bundle: Any) -> None:
        """Writes the bundle and its job `trial`, whose notebooks take `day` and `landing`."""
        base = {"bundle": {"name": "trial"}, "include": ["../jobs/*.yml"], "targets": {"dev": {}, "prod": {}}}
        parameters = [{"name": "day", "default": "today"}, {"name": "landing", "default": ""}]
        notebook = {"notebook_path": "../notebooks/one.ipynb"}
        job = {
            "name": "trial",
            "parameters": parameters,
            "tasks": [{"task_key": key, "notebook_task": notebook, **settings} for key, settings in tasks.items()],
        }
        cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "day = ''\nlanding = ''"}
        self._file("bundles/databricks.yml", yaml.safe_dump(base | bundle))
        self._file("jobs/trial.yml", yaml.safe_dump({"resources": {"jobs": {"trial": job}}}))
        self._file("notebooks/one.ipynb", json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}))
        self.job = job

    def deploy(self, name: str = "[dev alice] trial", root: str | None = ROOT, kind: str = "BUNDLE") -> int:
        """Puts the job into the workspace as a deployment would, or as a person would where there is no root."""
        job_id = self.workspace.new_id()
        settings = {**self.job, "name": name}
        if root is not None:
            settings["deployment"] = {"kind": kind, "metadata_file_path": f"{root}/state/metadata.json"}
        self.workspace.jobs[job_id] = {"job_id": job_id, "settings": settings}
        return job_id

    def script(
        self,
        *,
        queued_ticks: int = 0,
        is_skipped: bool = False,
        others_end: str = "",
        **tasks: list[stub_runs.Attempt],
    ) -> None:
        """Says what runs of the deployed job do."""
        script = stub_runs.Script(tasks, queued_ticks, is_skipped, others_end)
        self.workspace.scripts["[dev alice] trial"] = script

    def lakehouse(self, *arguments: str) -> Answer:
        """Runs `lakehouse run trial ARGUMENTS` in this process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["lakehouse", "run", "trial", *arguments])
            with pytest.raises(SystemExit) as end:
                cli.main()
        shown = self.capsys.readouterr()
        return Answer(int(end.value.code or 0), shown.out, shown.err)

    def started(self) -> list[dict[str, Any]]:
        """What `run-now` was asked, without tokens."""
        bodies = [json.loads(call.body) for call in self.workspace.calls if call.path.endswith("/run-now")]
        return [{key: value for key, value in body.items() if key != "idempotency_token"} for body in bodies]

    def trouble(self, times: int, status: int, path: str, *, is_done: bool = False) -> None:
        """Lets the next calls of a path go wrong."""
        self.workspace.troubles.append(Trouble(times, status, path, is_done))

    def later(self, happens: Callable[[], object]) -> None:
        """Lets something happen once, while the run is waited for."""

        def meanwhile() -> None:
            self.clock.meanwhile = lambda: None
            happens()

        self.clock.meanwhile = meanwhile

    def post(self, path: str, **body: Any) -> None:
        """What somebody else asks of the workspace."""
        self.workspace.answer("POST", path, json.dumps(body).encode())

    def _file(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
