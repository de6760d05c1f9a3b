"""What is refused before anything is started on Databricks, and what a run on this machine keeps."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from remote_world import World

from local.run import run_record as states
from local.run.run_record import RunRecord, TaskRecord


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "first", "--only", "second"), "give --from or --only, not both"),
        (("--parallel", "4"), "Databricks runs all tasks side by side"),
        (("--parallel", "2"), "Databricks runs all tasks side by side"),
        (("--var", "catalog=main"), "a deployed job has the variables that it was deployed with"),
        (("--target", ""), "name a target"),
        (("--param", "day"), "must be written as name=value"),
    ],
)
def test_wrong_usage(world: World, arguments: tuple[str, ...], message: str) -> None:
    world.deploy()
    answer = world.lakehouse("--target", "dev", *arguments)
    assert answer.code == 2
    assert message in answer.error
    assert world.workspace.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "dev", "--param", "dai=now"), "job trial has no such parameter; did you mean day?"),
        (("--target", "dev", "--only", "firts"), "job trial has no task 'firts'; did you mean first?"),
        (("--target", "dev", "--from", "firts"), "job trial has no task 'firts'; did you mean first?"),
        (("--target", "pord"), "no target 'pord'; did you mean prod?"),
    ],
)
def test_a_name_that_is_wrong_is_found_here(world: World, arguments: tuple[str, ...], message: str) -> None:
    world.deploy()
    answer = world.lakehouse(*arguments)
    assert answer.code == 1
    assert message in answer.error
    assert world.workspace.calls == []


def test_who_is_not_logged_in_sees_how(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST")
    monkeypatch.delenv("DATABRICKS_TOKEN")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 2
    assert answer.error.startswith("error can't log in to Databricks: ")
    assert "`databricks auth login --host https://YOUR-WORKSPACE`" in answer.error


def test_a_token_needs_a_workspace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 2
    assert answer.error.startswith("error can't log in to Databricks: ")


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused(world: World, status: int) -> None:
    world.trouble(1, status, "/scim/v2/Me")
    answer = world.lakehouse("--target", "dev")
    assert answer.code == 2
    assert f"{world.host} refuses the credentials (pat)" in answer.error
    assert f"`databricks auth login --host {world.host}`" in answer.error
    assert "a token" not in answer.error


def test_the_targets_workspace_is_the_one_that_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://nowhere.invalid")
    world.write({"first": {}}, targets={"dev": {"workspace": {"host": world.host}}})
    world.deploy()
    assert world.lakehouse("--target", "dev").code == 0


def test_the_targets_profile_is_the_one_that_logs_in(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST")
    monkeypatch.delenv("DATABRICKS_TOKEN")
    (tmp_path / "databrickscfg").write_text(f"[fraud]\nhost = {world.host}\ntoken = another\n")
    world.write({"first": {}}, targets={"dev": {"workspace": {"profile": "fraud"}}})
    world.deploy()
    assert world.lakehouse("--target", "dev").code == 0


def test_without_a_target_the_job_runs_here(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def run_job(workspace: Any, job: Any, options: Any, reporter: Any) -> RunRecord:
        seen["options"], seen["retries"] = options, job.tasks[0].max_retries
        tasks = {"first": TaskRecord("first", states.SUCCESS)}
        return RunRecord("id", job.key, {}, tasks, tmp_path / "runs", datetime.now(UTC), states.SUCCESS)

    monkeypatch.setattr("local.run.runner.run_job", run_job)
    monkeypatch.setenv("SPARK_REMOTE", "sc://elsewhere")
    monkeypatch.chdir(tmp_path)
    world.write({"first": {"max_retries": "${var.retries}"}}, variables={"retries": {"default": 0}})
    answer = world.lakehouse("--var", "retries=3", "--param", "landing=files", "--parallel", "4", "--only", "first")
    assert answer.code == 0
    options = seen["options"]
    assert (seen["retries"], options.parallel, options.selected) == (3, 4, frozenset({"first"}))
    assert (options.parameters, options.remote) == ({"landing": f"{tmp_path}/files"}, "sc://elsewhere")
    assert f"executed notebooks {'runs'}" in answer.lines
    assert world.lakehouse().code == 0
    assert (seen["options"].parallel, seen["options"].parameters, seen["options"].selected) == (2, {}, None)
    assert world.workspace.calls == []
