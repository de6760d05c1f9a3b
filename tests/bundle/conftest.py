"""Deployments with the real CLI, and deployed jobs to run, each in a stub workspace of the test's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deployment import Deployer, copy_of_checkout, databricks_cli
from remote_world import QuickClock, World
from stub_workspace import Workspace, served


@pytest.fixture(scope="session")
def cli() -> str:
    """The real Databricks CLI."""
    found = databricks_cli()
    if found is None:
        pytest.skip("there is no Databricks CLI: `make databricks-cli` builds it, where there is Go")
    return found


@pytest.fixture(scope="session")
def pristine_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout that nobody changes."""
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def deployer(cli: str, pristine_checkout: Path) -> Iterator[Deployer]:
    """The CLI in that copy, with an empty workspace."""
    with _deployer(cli, pristine_checkout) as deployer:
        yield deployer


@pytest.fixture(scope="module")
def deployed(cli: str, pristine_checkout: Path) -> Iterator[Deployer]:
    """The target dev deployed once, for tests that only look."""
    with _deployer(cli, pristine_checkout) as deployer:
        deployer.deploy()
        yield deployer


@pytest.fixture
def broken(cli: str, tmp_path: Path) -> Iterator[Deployer]:
    """The CLI in a checkout that the test may break."""
    with _deployer(cli, copy_of_checkout(tmp_path / "checkout")) as deployer:
        yield deployer


@contextmanager
def _deployer(cli: str, checkout: Path) -> Iterator[Deployer]:
    workspace = Workspace()
    with served(workspace) as host:
        deployer = Deployer(cli, checkout, workspace, host)
        yield deployer
    deployer.forget_local_state()
    assert workspace.unknown == []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    for name in os.environ:
        if name.startswith(("DATABRICKS_", "ARM_", "BUNDLE_VAR_", "GOOGLE_")):
            monkeypatch.delenv(name)
    clock = QuickClock()
    monkeypatch.setattr("local.remote.connection.CLOCK", clock)
    monkeypatch.setattr("local.commands.run.repository", lambda: tmp_path / "checkout")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no `databricks` that could be logged in
    workspace = Workspace()
    with served(workspace) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "a token")
        made = World(tmp_path / "checkout", workspace, host, clock, capsys)
        made.write({"first": {}, "second": {"depends_on": [{"task_key": "first"}]}})
        yield made
    assert workspace.unknown == []
