"""A checkout of one's own, the real CLI, and what a deployment with it leaves in a workspace."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stub_apps
import stub_catalog
import stub_files
import stub_jobs
import stub_models
from stub_workspace import Call, Workspace

from common.settings import repository
from local.jobs.unignored import unignored_files

ROUTES = (stub_apps, stub_catalog, stub_files, stub_jobs, stub_models)
"""The stub's routes are there when these modules are imported."""
RUNNER = "11111111-2222-3333-4444-555555555555"
"""Application id of the service principal that deploys for a team, and that the jobs run as."""
TARGETS = ("dev", "staging", "prod")


def databricks_cli() -> str | None:
    """The Databricks CLI: DATABRICKS_CLI, the one that `make databricks-cli` built, or the first on the PATH."""
    built = repository() / ".venv" / "bin" / "databricks"
    return os.environ.get("DATABRICKS_CLI") or (str(built) if built.exists() else shutil.which("databricks"))


def copy_of_checkout(folder: Path, branch: str = "main") -> Path:
    """What git doesn't ignore, in a repository of its own."""
    for source in unignored_files(repository()):
        target = folder / source.relative_to(repository())
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    subprocess.run(["git", "init", "--quiet", "--initial-branch", branch, str(folder)], check=True)
    return folder


@dataclass(frozen=True)
class Outcome:
    """What one command of the CLI printed, and what it asked of the workspace."""

    status: int
    text: str
    calls: tuple[Call, ...]

    def wrote(self, *but: str) -> list[str]:
        """The calls that could change something that lasts, as `METHOD path`, without those whose path has `but`."""
        return [
            f"{call.method} {call.path}"
            for call in self.calls
            if call.writes and not any(part in call.path for part in ("telemetry", *but))
        ]


@dataclass
class Deployer:
    """Somebody with a checkout, the CLI, and an account in a workspace."""

    cli: str
    checkout: Path
    workspace: Workspace
    host: str
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def bundle(self, *arguments: str, target: str = "dev", user: str = "") -> Outcome:
        """Runs `databricks bundle ...` as that user; a team's targets are deployed by the service principal."""
        before = len(self.workspace.calls)
        self.workspace.user = user or ("alice@example.com" if target == "dev" else RUNNER)
        given = {"runner": RUNNER} if target != "dev" else {}
        variables = [part for name, value in (given | self.variables).items() for part in ("--var", f"{name}={value}")]
        ended = subprocess.run(
            [self.cli, "bundle", *arguments, "--target", target, *variables],
            cwd=self.checkout / "bundles",
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout + ended.stderr, tuple(self.workspace.calls[before:]))

    def deploy(self, target: str = "dev", user: str = "") -> Outcome:
        """Deploys, which must succeed."""
        outcome = self.bundle("deploy", target=target, user=user)
        assert outcome.status == 0, outcome.text
        return outcome

    def forget_local_state(self) -> None:
        """Removes what the CLI keeps beside the bundle, as in another person's checkout."""
        for folder in (self.checkout, self.checkout / "bundles"):
            shutil.rmtree(folder / ".databricks", ignore_errors=True)

    def _environment(self) -> Mapping[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "BUNDLE_"))}
        # A home of its own: no profile of the person who runs the tests, and the CLI's cache goes with the test.
        return kept | {
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_TOKEN": "of-the-stub",
            # Requests a second; a real workspace is spared more than this one needs to be.
            "DATABRICKS_RATE_LIMIT": "1000",
            "HOME": str(self.checkout),
            # It would take the next user for the one before.
            "DATABRICKS_CACHE_ENABLED": "false",
            **self.environment,
        }


def settings_of(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """What was deployed of each job, by its key: the name without a deployment's prefix."""
    return {job["settings"]["name"].split("] ")[-1]: job["settings"] for job in workspace.jobs.values()}


def parameters_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a deployed job with their defaults."""
    return {parameter["name"]: parameter["default"] for parameter in settings["parameters"]}


def uploaded(workspace: Workspace) -> dict[str, bytes]:
    """The files of a deployment by their path under `files/`; notebooks without their extension, as they lie there."""
    return {path.split("/files/", 1)[1]: content for path, content in workspace.files.items() if "/files/" in path}


def names_of(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Every name that a deployment takes for itself, with its kind."""
    for job in workspace.jobs.values():
        yield "job", job["settings"]["name"]
    for kind in ("schemas", "volumes", "models"):
        for name in getattr(workspace, kind):
            yield kind, name
    for experiment in workspace.experiments.values():
        yield "experiment", experiment["name"]
    for name in workspace.apps:
        yield "app", name
    for path in workspace.folders | set(workspace.files):
        if "/.bundle/" in path and path.count("/") > 5:
            yield "file", path
    for job in workspace.jobs.values():
        for name, value in parameters_of(job["settings"]).items():
            if name in ("schema_prefix", "experiment", "src"):
                yield f"parameter {name}", value


def as_json(value: Any) -> str:
    """The value as text that can be compared and searched."""
    return json.dumps(value, sort_keys=True)
