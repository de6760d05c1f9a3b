"""Statements of a contract, as Databricks' SQL has them."""

from dataclasses import replace

import pytest
import sqlglot
from sqlglot import exp

from common.contracts.ddl import analyze_table, create_table, keys, tags
from common.contracts.registry import all_tables
from common.contracts.table import Column, ForeignKey, Table
from common.errors import DeclarationError

TABLES = {table.name: table for table in all_tables()}
SALE = Table(
    name="gold.sale",
    comment="Sales.",
    grain="one sale",
    columns=(
        Column("sale_id", "string", "Id."),
        Column("shop_id", "bigint", "Where."),
        Column("buyer", "string", "Who.", personal=True),
    ),
    key=("sale_id",),
    foreign_keys=(ForeignKey("shop_id", "gold.shop", "shop_id"),),
)


def full(name: str) -> str:
    return f"main.dev_{name}"


def skipped_by(table: Table) -> list[str] | None:
    """The columns whose minima and maxima Delta keeps; None where it chooses."""
    _, found, after = create_table(table, "main.gold.sale").partition("'delta.dataSkippingStatsColumns' = '")
    return after.split("'")[0].split(",") if found else None


def test_files_are_skipped_by_the_columns_that_say_so_and_by_no_personal_one() -> None:
    plain = replace(SALE, columns=SALE.columns[:2])
    assert skipped_by(plain) is None
    assert skipped_by(replace(plain, skip_by=("shop_id",))) == ["shop_id"]
    assert skipped_by(SALE) == ["sale_id", "shop_id"]
    assert skipped_by(replace(SALE, skip_by=("shop_id", "buyer"))) == ["shop_id"]


def test_a_table_that_outputs_follow_keeps_what_each_version_changed() -> None:
    feed = "'delta.enableChangeDataFeed' = 'true'"
    assert f"TBLPROPERTIES ('delta.dataSkippingStatsColumns' = 'sale_id,shop_id', {feed})" in create_table(
        replace(SALE, change_feed=True), "main.gold.sale"
    )
    plain = replace(SALE, columns=SALE.columns[:2])
    assert f"TBLPROPERTIES ({feed})" in create_table(replace(plain, change_feed=True), "main.gold.sale")
    assert "TBLPROPERTIES" not in create_table(plain, "main.gold.sale")


def test_a_column_to_cluster_by_is_one_to_skip_by() -> None:
    assert skipped_by(replace(SALE, skip_by=("sale_id",), cluster_by=("shop_id",))) == ["sale_id", "shop_id"]


def test_a_column_to_skip_by_is_one_of_the_table() -> None:
    with pytest.raises(DeclarationError, match="no_such"):
        replace(SALE, skip_by=("no_such",))


def test_keys_of_unity_catalog() -> None:
    assert keys(SALE, full, lambda _: True) == (
        "CONSTRAINT sale_key PRIMARY KEY (sale_id)",
        "CONSTRAINT sale_shop_id FOREIGN KEY (shop_id) REFERENCES main.dev_gold.shop (shop_id)",
    )
    assert keys(SALE, full, lambda _: False) == ("CONSTRAINT sale_key PRIMARY KEY (sale_id)",)


def test_a_key_that_may_be_null_is_no_primary_key() -> None:
    table = replace(SALE, nullable_key=("sale_id",))
    assert keys(table, full, lambda _: True) == ()
    assert "NOT NULL" not in create_table(table, "main.gold.sale")


def test_a_foreign_key_to_a_history_is_none() -> None:
    to_history = replace(SALE, foreign_keys=(ForeignKey("shop_id", "gold.shop", "shop_id", to_whole_key=False),))
    assert keys(to_history, full, lambda _: True) == ("CONSTRAINT sale_key PRIMARY KEY (sale_id)",)


@pytest.mark.parametrize("name", TABLES)
def test_contracts_say_rightly_where_a_foreign_key_leads(name: str) -> None:
    for key in TABLES[name].foreign_keys:
        assert key.to_whole_key == (TABLES[key.to_table].key == (key.to_column,))


def test_columns_of_a_primary_key_are_never_null() -> None:
    statement = create_table(SALE, "main.gold.sale", keys(SALE, full, lambda _: True))
    [key, shop, buyer] = sqlglot.parse_one(statement, dialect="databricks").find_all(exp.ColumnDef)

    assert key.find(exp.NotNullColumnConstraint)
    assert not shop.find(exp.NotNullColumnConstraint)
    assert not buyer.find(exp.NotNullColumnConstraint)


def test_open_source_spark_gets_no_constraints() -> None:
    for table in TABLES.values():
        statement = create_table(table, f"spark_catalog.{table.name}")
        assert "CONSTRAINT" not in statement
        assert "NOT NULL" not in statement


def test_tags() -> None:
    assert tags(SALE, "main.gold.sale") == (
        "ALTER TABLE main.gold.sale SET TAGS ('layer' = 'gold', 'grain' = 'one sale', 'personal_data' = 'yes')",
        "ALTER TABLE main.gold.sale ALTER COLUMN buyer SET TAGS ('personal_data' = 'yes')",
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_contract_is_a_statement_that_databricks_parses(name: str) -> None:
    table = TABLES[name]
    statement = create_table(table, f"main.dev_{name}", keys(table, full, lambda _: True))
    parsed = sqlglot.parse_one(statement, dialect="databricks")

    assert isinstance(parsed, exp.Create)
    columns = [column.name for column in parsed.this.expressions if isinstance(column, exp.ColumnDef)]
    assert columns == list(table.column_names)
    assert len(list(parsed.find_all(exp.PrimaryKey))) == bool(table.key and not table.nullable_key)
    for reference in parsed.find_all(exp.Reference):
        assert reference.find(exp.Table).sql().replace("main.dev_", "") in TABLES


def test_the_star_is_joined_by_keys() -> None:
    fact = TABLES["gold.fact_transaction"]
    leads_to = " ".join(keys(fact, full, lambda _: True))
    for dimension in ("dim_customer", "dim_account", "dim_merchant", "dim_terminal", "dim_date"):
        assert f"REFERENCES main.dev_gold.{dimension} (" in leads_to


def test_statistics_are_of_plain_columns_that_are_not_personal() -> None:
    lists = replace(SALE, columns=(*SALE.columns, Column("items", "array<string>", "What.")))
    assert (
        analyze_table(lists, "main.gold.sale")
        == "ANALYZE TABLE main.gold.sale COMPUTE STATISTICS FOR COLUMNS sale_id, shop_id"
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_columns_for_statistics(name: str) -> None:
    assert sqlglot.parse_one(analyze_table(TABLES[name], full(name)), dialect="databricks")
    assert not analyze_table(TABLES[name], full(name)).endswith("COLUMNS ")
