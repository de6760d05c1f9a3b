"""The rules that every workflow of GitHub keeps to, and Dependabot."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.settings import repository

FOLDER = repository() / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
PINNED = re.compile(r"^[\w-]+/[\w-]+@[0-9a-f]{40}$")
DEPLOYS = {"staging", "prod"}


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["on"] = content.pop(True, content.get("on"))  # YAML 1.1 takes `on` for true
    return content


def jobs(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The jobs with steps of their own; another may call one of these workflows."""
    called = {key: job["uses"] for key, job in workflow["jobs"].items() if "uses" in job}
    assert all((repository() / path).is_file() for path in called.values())
    return {key: job for key, job in workflow["jobs"].items() if key not in called}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in jobs(workflow).values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    used = [step["uses"] for step in steps(read(path)) if "uses" in step]
    assert used
    assert [action for action in used if not PINNED.match(action)] == []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line and "@" in line]
    assert all(re.search(r"# v\d+\.\d+\.\d+$", line) for line in lines)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_permissions_are_read_only_but_for_the_token_of_a_deployment(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in jobs(workflow).values():
        given = job.get("permissions", {})
        assert given.get("contents", "read") == "read"
        assert ("id-token" in given) == (path.stem in DEPLOYS)
        assert set(given) <= {"contents", "id-token"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_end_in_time_and_keep_no_credentials(path: Path) -> None:
    workflow = read(path)
    for job in jobs(workflow).values():
        assert workflow.get("concurrency") or job["concurrency"] == path.stem
        assert 0 < job["timeout-minutes"] <= 180
        assert job["runs-on"] == "ubuntu-24.04"
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_secret_is_stored_and_nothing_of_a_request_is_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert [step["run"] for step in steps(read(path)) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("name", sorted(DEPLOYS))
def test_deployments_log_in_by_oidc_in_an_environment(name: str) -> None:
    [job] = jobs(read(FOLDER / f"{name}.yml")).values()
    assert job["environment"] == name
    assert job["env"]["DATABRICKS_AUTH_TYPE"] == "github-oidc"
    # Without it the token would be for whom the CLI chooses, and the policy of docs/delivery.md refuse it.
    assert job["env"]["DATABRICKS_TOKEN_AUDIENCE"] == "https://github.com/${{ github.repository_owner }}"
    assert any(f"bundle deploy --target {name}" in step.get("run", "") for step in job["steps"])


def test_what_is_deployed_when() -> None:
    assert read(FOLDER / "staging.yml")["on"] == {"push": {"branches": ["main"]}}
    assert read(FOLDER / "prod.yml")["on"] == {"push": {"tags": ["v*"]}}
    for name in DEPLOYS:
        of_workflow = read(FOLDER / f"{name}.yml")["jobs"]
        assert of_workflow["test"]["uses"] == "./.github/workflows/test.yml"
        assert of_workflow["deploy"]["needs"] == "test"
    staging = read(FOLDER / "staging.yml")["jobs"]
    assert staging["deploy"]["steps"][-1]["run"].endswith("lakehouse run lakehouse --target staging")


def test_a_tag_is_deployed_only_if_it_is_on_main() -> None:
    runs = [step.get("run", "") for step in steps(read(FOLDER / "prod.yml"))]
    [deployed] = [number for number, run in enumerate(runs) if "bundle deploy" in run]
    assert "git merge-base --is-ancestor HEAD origin/main" in runs[:deployed]
    assert "--force" not in runs[deployed]


def test_dependabot_looks_where_the_pins_are() -> None:
    pins = {"github-actions": ".github/workflows/test.yml", "pip": "requirements.txt", "gomod": "go.mod"}
    updates = yaml.safe_load((FOLDER.parent / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == set(pins)
    for update in updates:
        for folder in update.get("directories") or [update["directory"]]:
            assert (repository() / folder.strip("/") / pins[update["package-ecosystem"]]).is_file()


def test_both_pythons_of_the_project_are_tested_on_every_pull_request() -> None:
    workflow = read(FOLDER / "test.yml")
    assert "pull_request" in workflow["on"]
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    declared = re.search(r'requires-python = "(.*)"', (repository() / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared
    assert declared[1] == f">={pythons[0]},<3.{int(pythons[-1].split('.')[1]) + 1}"


def test_actionlint_finds_nothing() -> None:
    built = repository() / ".venv" / "bin" / "actionlint"
    found = os.environ.get("ACTIONLINT") or (str(built) if built.exists() else shutil.which("actionlint"))
    if found is None:
        pytest.skip("there is no actionlint: `make actionlint` builds it, where there is Go")
    done = subprocess.run(
        [found, "-shellcheck=", *map(str, WORKFLOWS)], cwd=repository(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
