"""A pull of a database of a million rows: the first, one of 10,000 changes, and one of nothing new."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measured import REPOSITORY, at_most, show
from common.settings import settings_from
from common.sources.connections import PostgresConnection
from common.sources.feed import FeedAt
from common.sources.readers.postgres_tables import PostgresTablesFeed

TABLES, ROWS, CHANGED, DELETED = 10, 100_000, 10_000, 100
GOAL_SECONDS, NOTHING_SECONDS, COMPARED_SECONDS = 5, 2, 10


def main() -> None:
    """Ten tables of 100,000 rows. Deletes are looked for in the pull of the changes and in a pull of nothing new."""
    sys.path.insert(0, str(REPOSITORY / "tests"))
    from servers.postgres import Postgres

    server = Postgres()
    try:
        server.start()
        for number in range(TABLES):
            server.execute(
                f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text, amount numeric, at timestamptz)",
                f"INSERT INTO t{number} SELECT i, md5(i::text), i * 0.01, now() FROM generate_series(1, {ROWS}) i",
            )
        server.execute("VACUUM ANALYZE")
        with TemporaryDirectory(prefix="lakehouse-bench-") as folder:
            settings = replace(settings_from(landing=f"{folder}/landing"), home=Path(folder))
            at = FeedAt("bench", "tables", settings, PostgresConnection.model_validate(server.connection()))
            first = _seconds(at, "1 hour")
            nothing = _seconds(at, "1 hour")
            _change(server)
            changes = _seconds(at, "1 hour")
            _change(server)
            compared = _seconds(at, "0 seconds")
            nothing_compared = _seconds(at, "0 seconds")
    finally:
        server.remove()
    show(
        f"{TABLES * ROWS:,} rows in {TABLES} tables",
        [
            at_most("first pull, of all", first, 60, "s"),
            at_most(f"{CHANGED:,} changed", changes, GOAL_SECONDS, "s"),
            at_most(f"{CHANGED:,} changed and {DELETED} deleted, keys compared", compared, COMPARED_SECONDS, "s"),
            at_most("nothing new", nothing, NOTHING_SECONDS, "s"),
            at_most("nothing new, keys compared", nothing_compared, COMPARED_SECONDS, "s"),
        ],
    )


def _change(server: Any) -> None:
    for number in range(TABLES):
        server.execute(
            f"UPDATE t{number} SET amount = amount + 1 WHERE id % {TABLES * ROWS // CHANGED} = 0",
            f"DELETE FROM t{number} WHERE id IN (SELECT id FROM t{number} LIMIT {DELETED // TABLES})",
        )


def _seconds(at: FeedAt, every: str) -> float:
    declared = {"reader": "postgres_tables", "connection": "db", "into": {}, "deletes": {"every": every}}
    feed = PostgresTablesFeed.model_validate(declared)
    started = time.perf_counter()
    feed.pull(at)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
