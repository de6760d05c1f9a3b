"""`lakehouse run JOB --target TARGET` through the real SDK, against a stub workspace with deployed jobs."""

import json
import sys
from collections.abc import Iterator

import pytest
import stub_runs
from stub_runs import Play, script
from stub_workspace import Workspace, served

from common.settings import repository
from local import cli
from local.bundle import load_bundle
from local.jobs import load_job
from local.remote import follow
from local.remote.follow import Watch

JOB_ID = 17
ROOT = "/Workspace/Users/alice@example.com/.bundle/fraud-lakehouse"


def deployed(
    workspace: Workspace, target: str = "dev", job_id: int = JOB_ID, name: str = "[dev alice] lakehouse"
) -> None:
    """What a deployment leaves of the main job, as far as a run needs it."""
    job = load_job(load_bundle(repository()), "lakehouse")
    workspace.jobs[job_id] = {
        "job_id": job_id,
        "creator_user_name": "alice@example.com",
        "settings": {
            "name": name,
            "deployment": {"kind": "BUNDLE", "metadata_file_path": f"{ROOT}/{target}/state/metadata.json"},
            "parameters": [{"name": key, "default": value} for key, value in job.parameters.items()],
            "tasks": [
                {"task_key": task.key, "depends_on": [{"task_key": key} for key in task.depends_on]}
                for task in job.tasks
            ],
        },
    }


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Iterator[Workspace]:
    """A workspace that answers, where the main job is deployed to the target dev."""
    workspace = Workspace()
    deployed(workspace)
    monkeypatch.setattr(follow, "_LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("local.remote.run_remotely.Watch", lambda: Watch(0.001, 5))
    monkeypatch.setattr("local.remote.workspace_client.ANSWER_SECONDS", 1)
    for name in ("DATABRICKS_CONFIG_FILE", "HOME"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    with served(workspace) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "of-the-stub")
        monkeypatch.setenv("COLUMNS", "200")
        yield workspace
    assert stub_runs
    assert workspace.unknown == []


def lakehouse(*arguments: str) -> int:
    """Exit code of `lakehouse ARGUMENTS`, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lakehouse", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return end.value.code if isinstance(end.value.code, int) else 0


def run(*arguments: str) -> int:
    return lakehouse("run", "lakehouse", "--target", "dev", *arguments)


def test_a_run_that_succeeds(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.dumps({"rows_in": 1234, "rows_out": 1200, "note": "34 refused", "facts": {"alerts": 3}})
    script(workspace).plays = {"bronze_files": Play(looks=3, ends_with=told)}

    assert run("--param", "train_days=90") == 0

    shown = capsys.readouterr().out
    [started] = script(workspace).started
    assert started["job_id"] == JOB_ID
    assert started["job_parameters"] == {"train_days": "90"}
    assert "only" not in started
    [run_id] = script(workspace).runs
    assert f"/jobs/{JOB_ID}/runs/{run_id}" in shown.splitlines()[1]
    assert "bronze_files: success in 2.5 s, 1,234 rows in, 1,200 out" in shown
    assert "34 refused" in shown
    assert "lakehouse: success" in shown
    assert shown.rstrip().splitlines()[-2].endswith(f"/jobs/{JOB_ID}/runs/{run_id}")


def test_a_task_that_fails(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    script(workspace).plays = {
        "silver_transactions": Play("FAILED", error="QualityError: 3 rows are lost", trace="Traceback: deep down")
    }

    assert run() == 1

    shown = capsys.readouterr().out
    assert "silver_transactions: failed" in shown
    assert "QualityError: 3 rows are lost" in shown
    assert "deep down" not in shown
    assert "star_schema: skipped" in shown
    assert "silver_merchants: success" in shown
    assert "page of silver_transactions" in shown
    assert "lakehouse run lakehouse --target dev --from silver_transactions" in shown


def test_the_trace_is_for_debugging(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    script(workspace).plays = {"bronze_files": Play("FAILED", error="boom", trace="Traceback: deep down")}
    assert run("--debug") == 1
    assert "deep down" in capsys.readouterr().out


def test_a_task_is_tried_again(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    failed = Play("FAILED", error="not now")
    script(workspace).plays = {"bronze_files": Play(before=(failed, failed))}
    assert run() == 0
    assert "(3 attempts)" in capsys.readouterr().out


@pytest.mark.parametrize(("result", "word"), [("TIMEDOUT", "timed out"), ("CANCELED", "canceled")])
def test_a_task_that_is_ended(workspace: Workspace, capsys: pytest.CaptureFixture[str], result: str, word: str) -> None:
    script(workspace).plays = {"train_fraud_model": Play(result, error="it was ended")}
    assert run() == 1
    shown = capsys.readouterr().out
    assert f"train_fraud_model: {word}" in shown
    assert "promote_fraud_model: skipped" in shown


def test_a_run_that_somebody_cancels(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def look(self: stub_runs.StubRun) -> None:
        self.is_cancelled = "bronze_files" in self.states
        original(self)

    original = stub_runs.StubRun.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stub_runs.StubRun, "step", look)
        assert run() == 1
    assert "lakehouse: canceled" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["refused", "dropped"])
def test_the_way_to_the_workspace_is_lost_for_a_while(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    workspace.faults = [("GET", "/api/2.2/jobs/runs/get", way)] * 3
    assert run() == 0
    shown = capsys.readouterr().out
    assert shown.count("trying again") <= 1
    assert "lakehouse: success" in shown
    assert workspace.faults == []


def test_nothing_answers_any_more(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.remote.run_remotely.Watch", lambda: Watch(0.001, 0.05))
    workspace.faults = [("GET", "/api/2.2/jobs/runs/get", "refused")] * 10_000
    assert run() == 1
    shown = capsys.readouterr()
    assert "trying again" in shown.out
    assert "the run goes on unwatched, see http" in shown.err


def test_a_start_that_is_sent_twice_starts_once(workspace: Workspace) -> None:
    workspace.faults = [("POST", "/api/2.2/jobs/run-now", "answered and dropped")]
    assert run() == 0
    assert len(script(workspace).runs) == 1


def test_some_tasks_only(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", "train_fraud_model") == 0
    [started] = script(workspace).started
    assert "train_fraud_model" in started["only"]
    assert "bronze_files" not in started["only"]
    assert run("--only", "marts") == 0
    assert script(workspace).started[1]["only"] == ["marts"]


def test_a_job_that_is_not_deployed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("run", "maintenance", "--target", "dev") == 1
    said = capsys.readouterr().err
    assert "there is no job 'maintenance' of the target dev" in said
    assert "databricks bundle deploy -t dev" in said


def test_the_deployment_of_another_person_is_not_mine(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.user = "bob@example.com"
    assert run() == 1
    assert "there is no job 'lakehouse'" in capsys.readouterr().err


def test_two_deployments_of_a_target(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    deployed(workspace, "prod", 21, "lakehouse")
    deployed(workspace, "prod", 22, "lakehouse")
    assert lakehouse("run", "lakehouse", "--target", "prod") == 1
    assert "2 deployments of the target prod have a job lakehouse: lakehouse (21, of" in capsys.readouterr().err


def test_nobody_is_logged_in(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABRICKS_HOST")
        patch.delenv("DATABRICKS_TOKEN")
        assert run() == 1
    assert "databricks auth login --host" in capsys.readouterr().err


def test_a_parameter_that_the_job_lacks_starts_nothing(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--param", "trian_days=90") == 1
    assert "did you mean train_days" in capsys.readouterr().err
    assert not script(workspace).started


def test_options_of_local_runs_are_refused(workspace: Workspace) -> None:
    assert run("--parallel", "3") == 2
    assert run("--var", "catalog=main") == 2


def test_an_unknown_target(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert lakehouse("run", "lakehouse", "--target", "prd") == 1
    assert "did you mean prod" in capsys.readouterr().err
