"""The dashboard as an app: what its deployment makes, who may use it, and what starting it runs."""

import pytest
from apps.dashboard.roles import FRAUD_TEAM_IS
from deployment import Deployer, uploaded

from common.queries.rows import CATALOG, SCHEMA_PREFIX
from common.queries.warehouse import WAREHOUSE
from common.settings import repository


@pytest.fixture
def started(deployer: Deployer) -> Deployer:
    """Deployed for a team, and started."""
    deployer.deploy("staging")
    outcome = deployer.bundle("run", "fraud_dashboard", target="staging")
    assert outcome.status == 0, outcome.text
    return deployer


def test_a_deployment_starts_nothing(deployed: Deployer) -> None:
    [app] = deployed.workspace.apps.values()
    assert app["compute_status"]["state"] == "STOPPED"


def test_the_app_reads_what_the_pages_ask_for_and_writes_nothing(started: Deployer) -> None:
    granted = {
        name.rsplit(".", 1)[1]: of["app-principal-of-staging-fraud-dashboard"]
        for (_, name), of in started.workspace.grants.items()
        if "app-principal-of-staging-fraud-dashboard" in of
    }
    assert granted == {f"staging_{layer}": {"USE_SCHEMA", "SELECT"} for layer in ("silver", "gold", "ops")}
    [app] = started.workspace.apps.values()
    [resource] = app["resources"]
    assert resource["sql_warehouse"] == {"id": "0123456789abcdef", "permission": "CAN_USE"}


def test_the_team_may_use_it_and_engineers_manage_it(started: Deployer) -> None:
    entries = started.workspace.permissions["apps", "staging-fraud-dashboard"]
    levels = {
        entry.get("group_name") or entry["service_principal_name"]: entry["permission_level"] for entry in entries
    }
    assert levels.pop("fraud-engineers") == "CAN_MANAGE"
    groups = {"fraud-analysts", "fraud-reviewers", "fraud-scientists"}
    assert {name for name, level in levels.items() if level == "CAN_USE"} == groups


def test_what_starting_it_runs_is_uploaded_and_knows_where_the_tables_are(started: Deployer) -> None:
    [app] = started.workspace.apps.values()
    run = app["active_deployment"]
    command, files = run["command"][-1], uploaded(started.workspace)
    assert run["source_code_path"].endswith("/staging/files")
    assert run["command"][:2] == ["bash", "-c"]
    assert "apps/dashboard/requirements.txt" in command
    assert "python -m apps.dashboard " in command
    needed = ("requirements.txt", "__main__.py", "app.py", ".streamlit/config.toml")
    assert {f"apps/dashboard/{file}" for file in needed} <= set(files)
    environment = {one["name"]: one.get("value") or one.get("value_from") for one in run["env_vars"]}
    assert environment == {
        "PYTHONPATH": "src",
        WAREHOUSE: "sql_warehouse",
        CATALOG: "workspace",
        FRAUD_TEAM_IS: "fraud-reviewers",
    }
    assert f"export {SCHEMA_PREFIX}='staging_'" in command


def test_every_file_of_the_dashboard_is_there_as_it_is_here(deployed: Deployer) -> None:
    files = uploaded(deployed.workspace)
    here = {
        path.relative_to(repository()).as_posix(): path
        for path in (repository() / "apps" / "dashboard").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path for path in files if path.startswith("apps/")} == set(here)
    assert all(files[name] == path.read_bytes() for name, path in here.items())


def test_a_workspace_without_that_warehouse_says_so(deployer: Deployer) -> None:
    deployer.workspace.warehouses.clear()
    outcome = deployer.bundle("validate")
    assert outcome.status != 0
    assert "Serverless Starter Warehouse" in outcome.text
    deployer.variables["warehouse_id"] = "feed"
    assert deployer.bundle("validate").status == 0
