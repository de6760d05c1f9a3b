"""A deployment for each module: the checkout copied, a stub workspace served, the real CLI between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deployment import Deployer, copy_of_checkout, databricks_cli
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
