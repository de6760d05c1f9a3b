"""What outputs/warehouse.yml may say, and how what it may not say is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from common.contracts.gold import FRAUD_TRANSACTIONS
from common.contracts.silver import CUSTOMER
from common.errors import DeclarationError
from common.publish.declaration import load_output
from common.publish.postgres.served import served_table
from common.publish.writers.postgres import PostgresTables
from common.settings import repository

SHIPPED = (repository() / "outputs/warehouse.yml").read_text(encoding="utf-8")
PERSONAL = {column.name for column in CUSTOMER.history.columns if column.personal}


def load(folder: Path, **changed: Any) -> PostgresTables:
    """The shipped output with other values."""
    (folder / "outputs").mkdir()
    (folder / "outputs/warehouse.yml").write_text(yaml.safe_dump(yaml.safe_load(SHIPPED) | changed))
    output = load_output(folder / "outputs", "warehouse")
    assert isinstance(output, PostgresTables)
    return output


def test_the_shipped_warehouse_reads_delta_tables_and_keeps_personal_data_from_analysts(tmp_path: Path) -> None:
    output = load(tmp_path)

    assert "gold.transaction_scores" in output.reads
    assert not any("fraud_transactions" in name for name in output.reads)
    readable = {name for table in output.served for name in table.readers["fraud_analysts"].columns}
    assert readable.isdisjoint(PERSONAL)
    assert {"customer_id", "amount_eur", "country"} <= readable


def test_types_keys_and_comments_are_the_contracts() -> None:
    users, fraud = served_table("users", CUSTOMER.history), served_table("fraud", FRAUD_TRANSACTIONS)
    types = {column.name: column.type for column in (*users.columns, *fraud.columns)}

    assert (users.key, fraud.key) == (("customer_id",), ("transaction_id", "event_date"))
    assert PERSONAL.isdisjoint(types)
    assert types["valid_from"] == "timestamp with time zone"
    assert (types["amount_eur"], types["score"], types["reasons"]) == ("numeric(18,2)", "double precision", "text[]")
    assert (types["event_date"], types["is_backfill"]) == ("date", "boolean")
    assert "features" not in types
    named = served_table("fraud", FRAUD_TRANSACTIONS, columns=["transaction_id", "event_date", "features"])
    assert [column.type for column in named.columns] == ["text", "date", "jsonb"]
    assert all(column.comment for column in users.columns)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"tables": {}}, "outputs/warehouse.yml: tables: "),
        ({"tables": {"x": {"from": "gold.nothing"}}}, "tables.x.from: there is no 'gold.nothing' to serve; there are"),
        ({"tables": {"x": {"from": "bronze.transactions"}}}, "tables.x.from: there is no 'bronze.transactions'"),
        (
            {"tables": {"x": {"from": "gold.merchant_risk", "columns": ["month"]}}},
            "tables.x.columns: the key of gold.merchant_risk is missing: add merchant_id",
        ),
        (
            {"tables": {"x": {"from": "gold.merchant_risk", "columns": ["rank"]}}},
            "tables.x.columns: gold.merchant_risk has no column 'rank' to serve; it has merchant_id",
        ),
        (
            {"tables": {"x": {"from": "silver.customers", "indexes": [["email"]]}}},
            "tables.x.indexes: the table has no column 'email' to serve",
        ),
        (
            {"tables": {"x": {"from": "silver.customers", "readers": {"everybody": {}}}}},
            "tables.x.readers.everybody: there is no such role among the output's `readers`: fraud_analysts,",
        ),
        (
            {"tables": {"x": {"from": "silver.customers", "readers": {"fraud_support": {"columns": ["email"]}}}}},
            "tables.x.readers.fraud_support.columns: the table has no column 'email'",
        ),
        (
            {"tables": {"x": {"from": "silver.customers", "readers": {"fraud_support": {"rows": "land = 'DE'"}}}}},
            "tables.x.readers.fraud_support.rows: there is no column 'land'",
        ),
        (
            {"tables": {"x": {"from": "silver.customers", "where": "country = 'DE"}}},
            'tables.x.where: "country = \'DE" is no condition in SQL',
        ),
        ({"tables": {"x": {"from": "silver.customers", "where": "land = 'DE'"}}}, "where: there is no column 'land'"),
        ({"tables": {"delivered_versions": {"from": "silver.customers"}}}, "choose another name"),
        (
            {"tables": {"x" * 64: {"from": "gold.merchant_risk"}}},
            "is too long: PostgreSQL keeps 63 characters of a name",
        ),
        ({"owner": "x" * 64}, "is longer than the 63 that PostgreSQL keeps"),
        ({"owner": "fraud_support"}, "readers: 'fraud_support' is the owner, who may do everything"),
        ({"owner": "x; DROP"}, "outputs/warehouse.yml: owner: "),
        ({"schemas": "x"}, "outputs/warehouse.yml: schemas: there is no such option; did you mean schema?"),
    ],
)
def test_a_wrong_declaration_is_named_with_path_and_rule(
    tmp_path: Path, changed: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DeclarationError) as raised:
        load(tmp_path, **changed)

    assert expected in str(raised.value)
