"""The folders of a workspace: everything that a run makes is below one home, and removing it removes all of that."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.settings import lakehouse_home, repository


@dataclass(frozen=True)
class Workspace:
    """One home folder (LAKEHOUSE_HOME, or .lakehouse in the checkout) and what is where in it."""

    home: Path

    @property
    def landing(self) -> Path:
        """Where files of the simulated source arrive."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """Delta tables."""
        return self.home / "warehouse"

    @property
    def runs(self) -> Path:
        """One folder a run: executed notebooks and run.json."""
        return self.home / "runs"

    @property
    def engine(self) -> Path:
        """State of the Spark Connect server."""
        return self.home / "engine"

    @property
    def temporary(self) -> Path:
        """Spark's scratch files."""
        return self.home / "tmp"

    @property
    def logs(self) -> Path:
        """Log files of the server."""
        return self.home / "logs"

    @property
    def locks(self) -> Path:
        """One lock file a job."""
        return self.home / "locks"

    @property
    def mlflow_uri(self) -> str:
        """MLflow's tracking and registry store."""
        return f"sqlite:///{self.home / 'mlflow.db'}"

    def create(self) -> "Workspace":
        """Makes the folders that processes of this package write to."""
        for folder in (self.runs, self.engine / "clients", self.temporary, self.logs, self.locks):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def current_workspace() -> Workspace:
    """The workspace that LAKEHOUSE_HOME names, or .lakehouse in the checkout."""
    return Workspace(lakehouse_home())


def write_json(path: Path, content: Any) -> None:
    """Writes JSON so that a reader sees the old content or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, default=str)
        file.write("\n")
    Path(temporary).replace(path)


def read_json(path: Path) -> Any:
    """What a JSON file holds; None where there is no such file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def shown_path(path: Path) -> str:
    """A path as a person would type it: relative to the checkout or the current folder where it is inside."""
    for base in (Path.cwd(), repository()):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
