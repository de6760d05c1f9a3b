"""The whole path of a customer: a row of an application's database, bronze, silver, a row of the warehouse."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from warehouse_world import warehouse

from common.bronze.ingest import ingest, pull
from common.privacy.forget import forget_customer
from common.publish.publish import publish
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake

if TYPE_CHECKING:
    from servers.postgres import Postgres

pytestmark = pytest.mark.spark

COLUMNS = {"customer_id": "id", "full_name": "name", "email": "email", "country": "country"}


def _source(postgres: "Postgres") -> Source:
    feed = {
        "reader": "postgres_tables",
        "connection": "core",
        "deletes": {"every": "0 seconds"},
        "into": {
            "customers": {
                "map": COLUMNS | {"changed_at": "_changed_at", "change_order": "_order", "is_deleted": "_op = 'd'"}
            }
        },
    }
    connections = {"core": postgres.connection("core")}
    declared = {"name": "core", "description": "The shop's database.", "connections": connections}
    return Source.model_validate(declared | {"feeds": {"core_tables": feed}})


def _only_users(content: dict[str, Any]) -> None:
    content["tables"] = {"users": content["tables"]["users"]}


def test_a_row_of_the_database_reaches_the_warehouse_and_leaves_it(
    lake: Lake, landing: Path, postgres: "Postgres"
) -> None:
    postgres.execute("CREATE DATABASE core", "CREATE DATABASE warehouse")
    postgres.execute(
        "CREATE TABLE customers (id text PRIMARY KEY, name text, email text, country text)",
        "INSERT INTO customers VALUES ('C1', 'Ann Ott', 'ann@x.org', 'DE'), ('C2', 'Bob Ott', 'bob@x.org', 'DE')",
        database="core",
    )
    source, output = _source(postgres), warehouse(postgres, edit=_only_users)

    def path() -> list[Any]:
        ingest(lake, source, pulled=pull(lake, source))
        refine(lake, source, "customers")
        (delivery,) = publish(lake, [output], force=True)["warehouse"]
        assert not delivery.failure
        users = "SELECT customer_id, full_name, email FROM fraud.users ORDER BY 1"
        return [delivery.mode, *postgres.execute(users, database="warehouse")]

    assert path() == ["all loaded", ("C1", "Ann Ott", "ann@x.org"), ("C2", "Bob Ott", "bob@x.org")]
    postgres.execute(
        "UPDATE customers SET email = 'ann@y.org' WHERE id = 'C1'",
        "DELETE FROM customers WHERE id = 'C2'",
        database="core",
    )
    assert path() == ["changes", ("C1", "Ann Ott", "ann@y.org")]
    forget_customer(lake, source, "C1")
    # The erasure vacuumed the change feed away.
    (delivery,) = publish(lake, [output], force=True)["warehouse"]
    assert postgres.execute("SELECT * FROM fraud.users", database="warehouse") == []
    assert (delivery.mode, delivery.rows_deleted, delivery.rows_there) == ("all compared", 1, 0)
    rows = lake.table("ops.deliveries").select("item", "mode", "rows_written", "rows_deleted", "rows_there")
    assert sorted(tuple(row) for row in rows.collect()) == [
        ("users", "all compared", 0, 1, 0),
        ("users", "all loaded", 2, 0, 2),
        ("users", "changes", 1, 1, 1),
    ]
