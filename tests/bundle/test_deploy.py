"""The real CLI deploys the bundle to a stub workspace: all of it, once, and takes all of it away again."""

import subprocess
from copy import deepcopy

import pytest
from deployment import RUNNER, TARGETS, Deployer, names_of, parameters_of, settings_of, uploaded

from common.settings import repository
from local.jobs.bundle import load_bundle

LAYERS = ("bronze", "silver", "gold", "ml", "ops")


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_valid_without_a_warning(deployer: Deployer, target: str) -> None:
    outcome = deployer.bundle("validate", target=target)

    assert outcome.status == 0
    assert "Validation OK!" in outcome.text
    assert "Warn" not in outcome.text
    assert "Recommendation" not in outcome.text


def test_what_a_deployment_makes(deployed: Deployer) -> None:
    workspace = deployed.workspace

    assert set(settings_of(workspace)) == {
        "lakehouse", "ingest", "score_stream", "retrain", "replay_quarantine", "maintenance", "forget_customer",
        "review_alerts", "rollback_model", "publish", "send_alerts",
    }  # fmt: skip
    assert set(workspace.schemas) == {f"workspace.dev_alice_{layer}" for layer in LAYERS}
    assert set(workspace.volumes) == {
        f"workspace.dev_alice_ops.{volume}" for volume in ("landing", "checkpoints", "reports")
    }
    assert set(workspace.models) == {"workspace.dev_alice_ml.dev_alice_fraud_model"}
    assert [one["name"] for one in workspace.experiments.values()] == [
        "/Users/alice@example.com/[dev alice] fraud_model"
    ]
    assert set(workspace.apps) == {"dev-alice-fraud"}
    stores = [workspace.schemas, workspace.volumes, workspace.models]
    assert all(one["comment"] for store in stores for one in store.values())


def test_notebooks_get_where_the_deployment_is(deployed: Deployer) -> None:
    workspace = deployed.workspace
    [experiment] = workspace.experiments.values()
    for settings in settings_of(workspace).values():
        given = parameters_of(settings)
        assert {f"{given['catalog']}.{given['schema_prefix']}{layer}" for layer in LAYERS} == set(workspace.schemas)
        assert given.get("experiment", experiment["name"]) == experiment["name"]
        assert f"{given['src'].removeprefix('/Workspace')}/common" in workspace.folders


def test_what_is_exported_for_a_team_changes_nothing_in_development(deployer: Deployer) -> None:
    deployer.deploy()
    made = (set(names_of(deployer.workspace)), deepcopy(deployer.workspace.grants))
    assert deployer.bundle("destroy", "--auto-approve").status == 0

    # docs/databricks.md has it exported for staging and prod. Its home folder, and so an experiment, is not alice's.
    deployer.environment["BUNDLE_VAR_runner"] = RUNNER
    deployer.deploy()

    assert (set(names_of(deployer.workspace)), deployer.workspace.grants) == made


def test_deploying_again_changes_nothing(deployer: Deployer) -> None:
    deployer.deploy()
    files, jobs = dict(uploaded(deployer.workspace)), str(deployer.workspace.jobs)

    again = deployer.deploy()

    # The CLI locks the deployment and writes down its state every time.
    assert again.wrote("/state/", "/artifacts/", "/deploy.lock", "mkdirs") == ["POST /api/2.0/workspace/delete"]
    assert uploaded(deployer.workspace) == files
    assert str(deployer.workspace.jobs) == jobs


def test_nothing_is_left_of_a_deployment_that_is_destroyed(deployer: Deployer) -> None:
    deployer.deploy()
    assert list(names_of(deployer.workspace))

    outcome = deployer.bundle("destroy", "--auto-approve")

    assert outcome.status == 0
    assert not list(names_of(deployer.workspace))
    assert not deployer.workspace.grants
    assert not deployer.workspace.permissions


def test_a_team_deploys_from_main_only(deployer: Deployer, broken: Deployer) -> None:
    assert deployer.bundle("deploy", target="prod").status == 0

    head = broken.checkout / ".git" / "HEAD"
    head.write_text("ref: refs/heads/topic\n")
    outcome = broken.bundle("deploy", target="prod")

    assert outcome.status != 0
    assert "not on the right Git branch" in outcome.text
    assert not broken.workspace.jobs


def test_a_tag_is_no_branch_that_the_cli_would_refuse(broken: Deployer) -> None:
    # So the workflow asks by itself whether the tag is on main.
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["add", "--all"], ["commit", "--quiet", "-m", "a"], ["checkout", "--quiet", "--detach"]):
        subprocess.run([*git, *command], cwd=broken.checkout, check=True)

    assert broken.bundle("deploy", target="prod").status == 0


def test_whoever_asks_finds_the_deployment_of_the_team(deployer: Deployer) -> None:
    deployer.deploy("prod")
    jobs = len(deployer.workspace.jobs)

    outcome = deployer.bundle("summary", target="prod", user="erin@example.com")

    assert outcome.status == 0
    assert f"/Workspace/Users/{RUNNER}/.bundle/fraud-lakehouse/prod" in outcome.text
    assert outcome.text.count("/jobs/") == jobs


def test_schedules_are_paused_in_development_and_run_for_a_team(deployer: Deployer) -> None:
    for target, status in (("dev", "PAUSED"), ("staging", "UNPAUSED"), ("prod", "UNPAUSED")):
        deployer.workspace.jobs.clear()
        deployer.deploy(target)
        jobs = settings_of(deployer.workspace)

        assert jobs["lakehouse"]["trigger"]["pause_status"] == status
        assert jobs["retrain"]["schedule"]["pause_status"] == status
        assert jobs["maintenance"]["schedule"]["pause_status"] == status
        # It shares its streams with the main job: a person decides which of the two is on.
        assert jobs["score_stream"]["continuous"]["pause_status"] == "PAUSED"


@pytest.mark.parametrize("user", [RUNNER, "erin@example.com"])
def test_jobs_of_a_team_run_as_the_service_principal_whoever_deploys(deployer: Deployer, user: str) -> None:
    for target in ("staging", "prod"):
        deployer.workspace.jobs.clear()
        deployer.forget_local_state()
        deployer.deploy(target, user=user)

        assert len(deployer.workspace.jobs) > 1
        for settings in settings_of(deployer.workspace).values():
            assert settings["run_as"] == {"service_principal_name": RUNNER}


def test_jobs_in_development_run_as_the_person_who_deploys(deployed: Deployer) -> None:
    for settings in settings_of(deployed.workspace).values():
        assert settings["run_as"] == {"user_name": "alice@example.com"}


def test_every_job_names_whom_it_runs_as() -> None:
    jobs = load_bundle(repository()).jobs
    assert [key for key, (_, job) in jobs.items() if job.get("run_as") != "${var.run_as}"] == []
