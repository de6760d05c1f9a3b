"""A checkout of its own for tests of the runner."""

from pathlib import Path

import pytest
from job_builders import Checkout

from local.workspace import Workspace


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout", Workspace(tmp_path / "home"))
    made.root.mkdir()
    made.bundle()
    return made
