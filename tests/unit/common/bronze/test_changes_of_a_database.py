"""Changes of a database's table make the same histories by logical decoding and by Debezium's envelope."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from common.bronze.ingest import ingest, pull
from common.checks.conservation import accounted
from common.contracts.silver import ACCOUNT
from common.settings import settings_from
from common.silver.history import check_histories
from common.silver.refine import refine
from common.sources.declaration import Source
from common.storage.lake import Lake
from servers.kafka import Broker
from servers.postgres import Postgres

pytestmark = [pytest.mark.spark, pytest.mark.long]  # the decoder and the envelope have tests of their own

INTO = {
    "accounts": {
        "where": "_op <> 't'",
        "map": {
            "account_id": "account_id",
            "customer_id": "customer_id",
            "currency": "currency",
            "credit_limit": "credit_limit",
            "changed_at": "_changed_at",
            "change_order": "_order",
            "is_deleted": "_op = 'd'",
        },
    }
}
TABLE = """
CREATE TABLE accounts (account_id text PRIMARY KEY, customer_id text, currency text, credit_limit numeric(18,2));
CREATE PUBLICATION lakehouse FOR TABLE accounts;
INSERT INTO accounts SELECT id, 'C1', 'EUR', 100 FROM unnest(ARRAY['A', 'B', 'C']) id
"""
LIMIT_OF_A = "UPDATE accounts SET credit_limit = {} WHERE account_id = 'A'"
CHANGES = (
    f"{LIMIT_OF_A.format(200)}; {LIMIT_OF_A.format('credit_limit + 100')}",
    "DELETE FROM accounts WHERE account_id = 'B'",
    "UPDATE accounts SET account_id = 'D' WHERE account_id = 'C'",
    "INSERT INTO accounts VALUES ('B', 'C2', 'EUR', 9007199254740993.10)",
    LIMIT_OF_A.format(100),
)
HISTORIES = {
    "A": [("100.00", False), ("300.00", False), ("100.00", False)],
    "B": [("100.00", False), (None, True), ("9007199254740993.10", False)],
    "C": [("100.00", False), (None, True)],
    "D": [("100.00", False)],
}
"""By account its versions: limit, and whether it is deleted. What one transaction made and replaced is none."""


def a_lake(spark: SparkSession, prefix: str, folder: Path) -> Lake:
    (folder / "landing").mkdir(parents=True)
    return Lake(spark, replace(settings_from(schema_prefix=prefix, landing=str(folder / "landing")), home=folder))


def a_source(connection: dict[str, Any], **feed: Any) -> Source:
    declared = {"connection": "bank", "into": INTO, **feed}
    return Source.model_validate(
        {"name": "bank", "description": "A bank.", "connections": {"bank": connection}, "feeds": {"changes": declared}}
    )


def take(lake: Lake, source: Source) -> None:
    ingest(lake, source, pulled=pull(lake, source))
    refine(lake, source, "accounts")
    assert all(row["holds"] for row in accounted(lake).collect())
    assert all(finding.passed for finding in check_histories(lake))


def versions(lake: Lake) -> list[tuple[Any, ...]]:
    rows = lake.table(ACCOUNT.history).orderBy("account_id", "valid_from")
    columns = ("account_id", "CAST(credit_limit AS string)", "is_deleted", "valid_from")
    return [tuple(row) for row in rows.selectExpr(*columns).collect()]


def as_debezium_writes(payload: str) -> tuple[str, str]:
    """The change as an event of Debezium: its key and value."""
    fields = json.loads(payload)
    lsn, number = fields["_order"].split("/")
    row = {name: value for name, value in fields.items() if not name.startswith("_")}
    at = datetime.fromisoformat(fields["_changed_at"]).astimezone(UTC)
    event = {
        "before": row if fields["_op"] == "d" else None,
        "after": None if fields["_op"] == "d" else row,
        "source": {
            "schema": "public",
            "table": "accounts",
            "lsn": int(lsn, 16),
            "ts_ms": int(at.timestamp() * 1000),
            "ts_us": round(at.timestamp() * 1_000_000),
        },
        "op": fields["_op"],
        "transaction": {"total_order": int(number)},
    }
    return json.dumps({"account_id": row["account_id"]}), json.dumps(event)


def test_both_ways_make_the_same_histories(
    spark: SparkSession,
    schema_prefix: str,
    postgres: Postgres,
    broker: Broker,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    by_log = a_lake(spark, schema_prefix, tmp_path_factory.mktemp("by_log"))
    other = f"{schema_prefix}debezium_"
    by_topic = a_lake(spark, other, tmp_path_factory.mktemp("by_topic"))
    log = a_source(postgres.connection(), reader="postgres_cdc", tables=["public.accounts"], publication="lakehouse")
    topic = a_source(
        {"kind": "kafka", "servers": broker.servers}, reader="kafka", topic="accounts", envelope="debezium"
    )
    postgres.execute(*(statement for statement in TABLE.split(";") if statement.strip()))
    take(by_log, log)
    for transaction in CHANGES:
        with postgres.connect() as connection, connection.transaction():
            for statement in transaction.split(";"):
                connection.execute(statement)
    take(by_log, log)

    found: dict[str, list[tuple[Any, ...]]] = {}
    for account, limit, is_deleted, _ in versions(by_log):
        found.setdefault(account, []).append((limit, is_deleted))
    assert found == HISTORIES

    payloads = [row["payload"] for row in by_log.table("bronze.changes").orderBy("source_ref").collect()]
    broker.create("accounts")
    for payload in payloads:
        key, value = as_debezium_writes(payload)
        broker.produce("accounts", [(key, value)])
        if json.loads(payload)["_op"] == "d":
            broker.produce("accounts", [(key, None)])
    take(by_topic, topic)

    assert versions(by_topic) == versions(by_log)
    for layer in ("bronze", "silver", "gold", "ops"):
        spark.sql(f"DROP SCHEMA IF EXISTS {other}{layer} CASCADE")
