"""How quickly changes are pulled from a PostgreSQL server, and how long a pull takes that finds nothing new.

`python -m benchmarks.postgres_cdc`. It needs no Spark. The server is one of the tests' own.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = 100_000
SMALL = 3_000
"""How many transactions of ten rows each."""


def measured() -> dict[str, float]:
    """Changes a second, of one large transaction and of small ones, and seconds of a pull without changes."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from servers.postgres import Postgres

    server: Any = Postgres()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as home:
            return _measured(server, Path(home))
    finally:
        server.remove()


def _measured(server: Any, home: Path) -> dict[str, float]:
    from common.settings import Settings
    from common.sources.connections import PostgresConnection
    from common.sources.feed import FeedAt
    from common.sources.readers.postgres_cdc import PostgresCdcFeed

    server.execute(
        "CREATE TABLE accounts (account_id bigint PRIMARY KEY, owner text, balance numeric, changed timestamptz)",
        "CREATE PUBLICATION lakehouse FOR TABLE accounts",
    )
    into = {"accounts": {"map": {"account_id": "account_id", "changed_at": "_changed_at"}}}
    options = {"tables": ["public.accounts"], "publication": "lakehouse", "into": into}
    feed = PostgresCdcFeed.model_validate({"reader": "postgres_cdc", "connection": "bank", **options})
    connection = PostgresConnection.model_validate(server.connection())
    at = FeedAt("bank", "accounts", Settings(home, landing_folder=str(home / "landing")), connection)
    feed.pull(at)
    insert = "INSERT INTO accounts SELECT i, 'owner ' || i, i + 0.50, now() FROM generate_series({}, {}) i"
    server.execute(insert.format(1, ROWS))
    large = _seconds(feed, at)
    for number in range(SMALL):
        first = ROWS + 10 * number
        server.execute(insert.format(first + 1, first + 10))
    small = _seconds(feed, at)
    return {
        "changes a second, one transaction": ROWS / large,
        "changes a second, transactions of ten": 10 * SMALL / small,
        "seconds with nothing new": _seconds(feed, at),
    }


def _seconds(feed: Any, at: Any) -> float:
    begun = time.perf_counter()
    feed.pull(at)
    return time.perf_counter() - begun


if __name__ == "__main__":
    for name, value in measured().items():
        print(f"{name}: {value:,.2f}")
    print("goals: 10,000 changes a second; 2 seconds with nothing new")
