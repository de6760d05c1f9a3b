"""A world that is made once for all tests of this folder."""

import pytest
from simulated_files import Made

from local.simulate import World, simulate

WORLD = World(customers=800, merchants=200, terminals=500, days=45, new_column_from_day=20)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The world of most tests here: 45 days of 1,000 transactions."""
    landing = tmp_path_factory.mktemp("landing")
    return Made(landing, WORLD, simulate(landing, WORLD))
