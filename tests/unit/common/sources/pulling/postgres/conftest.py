"""A PostgreSQL server for the tests of a file."""

from collections.abc import Iterator

import pytest

from servers.postgres import Postgres

pytest.register_assert_rewrite("captured_accounts")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server that runs."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.remove()
