"""A server for each test file, and a feed of its tables."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sales_database import fill

from common.settings import settings_from
from common.sources.connections import PostgresConnection
from common.sources.feed import FeedAt
from common.sources.readers.postgres_tables import PostgresTablesFeed
from servers.postgres import Postgres

FeedOf = Callable[..., PostgresTablesFeed]


@pytest.fixture
def server(postgres: Postgres) -> Postgres:
    """The server, with the shop's tables, empty."""
    fill(postgres)
    return postgres


@pytest.fixture
def at(server: Postgres, tmp_path: Path) -> FeedAt:
    settings = replace(settings_from(landing=str(tmp_path / "landing")), home=tmp_path)
    return FeedAt("shop", "tables", settings, PostgresConnection(**server.connection()))


@pytest.fixture
def feed_of() -> FeedOf:
    def made(**options: Any) -> PostgresTablesFeed:
        declared = {
            "reader": "postgres_tables",
            "connection": "db",
            "into": {},
            "tables": {"schema": "public", "except": ["audit_log"]},
            "deletes": {"every": "0 seconds"},
        }
        return PostgresTablesFeed.model_validate(declared | options)

    return made
