"""A database's tables through the whole engine: pulled, read into bronze once, and made into histories."""

from typing import Any

import pytest

from common.bronze.ingest import ingest, pull
from common.contracts.bronze import bronze_table
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from servers.postgres import Postgres

pytestmark = pytest.mark.spark


def shop(server: Postgres) -> Source:
    return Source.model_validate(
        {
            "name": "shop",
            "description": "A shop's database.",
            "connections": {"core": server.connection()},
            "feeds": {
                "core_tables": {
                    "reader": "postgres_tables",
                    "connection": "core",
                    "tables": {"schema": "public", "except": ["audit_log"]},
                    "watermark": ["updated_at", "xmin"],
                    "deletes": {"every": "0 seconds"},
                    "into": {
                        "customers": {
                            "where": "_table = 'public.customers'",
                            "map": {
                                "customer_id": "id",
                                "full_name": "name",
                                "changed_at": "_changed_at",
                                "change_order": "_order",
                                "is_deleted": "_op = 'd'",
                            },
                        }
                    },
                }
            },
        }
    )


def run(lake: Lake, source: Source) -> int:
    pulled = pull(lake, source, tell=lambda _: None)
    rows = ingest(lake, source, pulled=pulled).rows_in
    refine(lake, source, "customers")
    return rows


def versions(lake: Lake) -> list[tuple[Any, ...]]:
    columns = ("customer_id", "full_name", "is_deleted", "is_current")
    return [
        tuple(row)
        for row in lake.table("silver.customers").select(*columns).orderBy("customer_id", "valid_from").collect()
    ]


def test_rows_changes_and_deletes_become_versions(lake: Lake, server: Postgres) -> None:
    source = shop(server)
    server.execute(
        "INSERT INTO customers (id, name) VALUES (1, 'Ann'), (2, 'Bob')", "INSERT INTO stores VALUES (1, 'x')"
    )
    assert run(lake, source) == 3
    server.execute(
        "UPDATE customers SET name = 'Eve', updated_at = now() WHERE id = 1", "DELETE FROM customers WHERE id = 2"
    )
    assert run(lake, source) == 2
    assert run(lake, source) == 0
    assert versions(lake) == [
        ("1", "Ann", False, False),
        ("1", "Eve", False, True),
        ("2", "Bob", False, False),
        ("2", None, True, True),
    ]
    references = [row[0] for row in lake.table(bronze_table("core_tables")).select("source_ref").collect()]
    assert len(references) == len(set(references)) == 5
