"""Least privilege: who may do what in a team's deployment."""

import pytest
from databricks.sdk.service.catalog import Privilege
from deployment import RUNNER, Deployer

from common.contracts.registry import LAYERS, all_tables
from common.settings import repository
from local.jobs.bundle import load_bundle

READS_TABLES, WRITES_TABLES = "SELECT", "MODIFY"
DASHBOARD = "app-principal-of-fraud-dashboard"


@pytest.fixture
def grants(deployer: Deployer) -> dict[str, dict[str, set[str]]]:
    """By the last part of the name of a schema, volume or model: the privileges of each principal."""
    deployer.deploy("prod")
    return {name.rsplit(".", 1)[1]: granted for (_, name), granted in deployer.workspace.grants.items()}


def holders(grants: dict[str, dict[str, set[str]]], name: str, privilege: str) -> set[str]:
    return {principal for principal, granted in grants[name].items() if privilege in granted}


def test_only_the_jobs_write(grants: dict[str, dict[str, set[str]]]) -> None:
    for layer in ("bronze", "silver", "gold", "ops"):
        assert holders(grants, layer, WRITES_TABLES) == {RUNNER}
    assert holders(grants, "checkpoints", "WRITE_VOLUME") == {RUNNER}
    assert holders(grants, "reports", "WRITE_VOLUME") == {RUNNER}
    assert holders(grants, "ml", "CREATE_MODEL") == {RUNNER}


def test_persons_are_named_to_those_who_need_them(grants: dict[str, dict[str, set[str]]]) -> None:
    assert holders(grants, "bronze", READS_TABLES) == {RUNNER, "fraud-engineers"}
    assert holders(grants, "silver", READS_TABLES) == {RUNNER, DASHBOARD, "fraud-engineers", "fraud-scientists"}
    groups = {"fraud-engineers", "fraud-scientists", "fraud-analysts", "fraud-reviewers"}
    assert holders(grants, "gold", READS_TABLES) == {RUNNER, DASHBOARD, *groups}


def test_what_analysts_read_names_no_person(grants: dict[str, dict[str, set[str]]]) -> None:
    read = {schema for schema in LAYERS if "fraud-analysts" in holders(grants, schema, READS_TABLES)}

    assert read == {"gold"}
    tables = [table for table in all_tables() if table.schema in read]
    assert len(tables) > 5
    assert [f"{table.name}.{column.name}" for table in tables for column in table.columns if column.personal] == []


def test_analysts_see_gold_and_reports_only(grants: dict[str, dict[str, set[str]]]) -> None:
    granted = {name: of["fraud-analysts"] for name, of in grants.items() if "fraud-analysts" in of}
    assert granted == {"gold": {"USE_SCHEMA", "SELECT"}, "ops": {"USE_SCHEMA"}, "reports": {"READ_VOLUME"}}


def test_reviewers_read_gold_and_write_nothing_but_by_the_job(grants: dict[str, dict[str, set[str]]]) -> None:
    granted = {name: of["fraud-reviewers"] for name, of in grants.items() if "fraud-reviewers" in of}
    assert granted == {"gold": {"USE_SCHEMA", "SELECT"}}


def test_who_may_use_a_volume_may_use_its_schema(grants: dict[str, dict[str, set[str]]]) -> None:
    of_volumes = {principal for name in ("landing", "checkpoints", "reports") for principal in grants[name]}
    assert of_volumes <= holders(grants, "ops", "USE_SCHEMA")


def test_a_grant_given_by_hand_is_gone_with_the_next_deployment(deployer: Deployer) -> None:
    deployer.deploy("prod")
    landing = next(granted for (_, name), granted in deployer.workspace.grants.items() if name.endswith(".landing"))
    declared = {principal: set(privileges) for principal, privileges in landing.items()}
    landing["a-sender"] = {"WRITE_VOLUME"}

    deployer.deploy("prod")

    assert landing == declared


def test_nobody_holds_all_privileges_or_the_right_to_grant(grants: dict[str, dict[str, set[str]]]) -> None:
    given = {privilege for granted in grants.values() for privileges in granted.values() for privilege in privileges}
    assert not given & {"ALL_PRIVILEGES", "MANAGE"}


def test_the_api_knows_every_privilege(grants: dict[str, dict[str, set[str]]]) -> None:
    given = {privilege for granted in grants.values() for privileges in granted.values() for privilege in privileges}
    assert given <= {privilege.value for privilege in Privilege}


def test_jobs_are_for_the_team_to_run_and_to_see(deployer: Deployer) -> None:
    deployer.deploy("prod")
    lists = {
        deployer.workspace.jobs[int(job_id)]["settings"]["name"]: entries
        for (kind, job_id), entries in deployer.workspace.permissions.items()
        if kind == "jobs"
    }

    assert len(lists) == len(load_bundle(repository()).jobs)
    for name, entries in lists.items():
        levels = {
            entry.get("group_name") or entry["service_principal_name"]: entry["permission_level"] for entry in entries
        }
        assert levels["fraud-engineers"] == "CAN_MANAGE"
        # Who is erased is gone for good, and a replay changes tables: scientists run what trains.
        assert levels.get("fraud-scientists") == (
            "CAN_MANAGE_RUN" if name in {"lakehouse", "retrain", "rollback_model"} else None
        )
        assert levels.get("fraud-reviewers") == ("CAN_MANAGE_RUN" if name == "review_alerts" else None)
        assert levels["fraud-analysts"] == "CAN_VIEW"


def test_those_who_review_models_see_the_experiment(deployer: Deployer) -> None:
    deployer.deploy("prod")
    [entries] = [entries for (kind, _), entries in deployer.workspace.permissions.items() if kind == "experiments"]

    assert {"group_name": "fraud-scientists", "permission_level": "CAN_READ"} in entries
    assert {"group_name": "fraud-engineers", "permission_level": "CAN_MANAGE"} in entries


def test_a_person_in_development_is_every_role(deployer: Deployer) -> None:
    deployer.deploy()

    assert {principal for granted in deployer.workspace.grants.values() for principal in granted} == {
        "alice@example.com",
        "app-principal-of-dev-alice-fraud",
    }
