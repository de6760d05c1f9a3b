"""A workspace in which tests run the whole main job, as a person does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Workspace:
    """A LAKEHOUSE_HOME of the test's own, driven by the command line; `parameters` are those of each run of the job."""

    def __init__(self, home: Path, **parameters: str) -> None:
        self.home = home
        self.parameters = parameters

    def __call__(self, *arguments: str, status: int = 0) -> str:
        environment = {key: value for key, value in os.environ.items() if key != "SPARK_REMOTE"}
        done = subprocess.run(
            [sys.executable, "-m", "local.cli", *arguments],
            env=environment | {"LAKEHOUSE_HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr if status else done.stdout

    def rows(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("sql", "--format", "json", query))
        return found

    def run(self, *options: str) -> dict[str, Any]:
        """Runs the main job and returns its run.json, tasks by key."""
        parameters = [part for name, value in self.parameters.items() for part in ("-p", f"{name}={value}")]
        self("run", "lakehouse", *parameters, *options)
        record: dict[str, Any] = json.loads(max((self.home / "runs").glob("*/run.json")).read_text())
        return {task["key"]: task for task in record["tasks"]}
