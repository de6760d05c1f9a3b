"""A world that is made once for all tests of this folder."""

import pytest
from simulated_files import WORLD, Made

from local.simulate import simulate


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The world of most tests here: 45 days of 1,000 transactions."""
    landing = tmp_path_factory.mktemp("landing")
    return Made(landing, WORLD, simulate(landing, WORLD))
