from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from made_versions import PLACE

from common.publish.postgres import access

if TYPE_CHECKING:
    from servers.postgres import Postgres


@pytest.fixture
def connection(postgres: "Postgres") -> Iterator[Any]:
    """A connection of a superuser to an empty database, whose roles and schema are prepared."""
    postgres.empty()
    postgres.execute("CREATE DATABASE warehouse")
    with postgres.connect("warehouse") as opened:
        with opened.cursor() as cursor:
            access.prepare(cursor, PLACE)
        yield opened
