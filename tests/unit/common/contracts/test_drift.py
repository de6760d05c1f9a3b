"""Contracts beside the tables that are there: what can be added, and what is refused before anything is written."""

from dataclasses import replace

import pytest

from common.contracts.drift import ExistingColumn, drift
from common.contracts.table import Column, Table
from common.errors import SchemaError
from common.storage.lake import Lake

SHOPS = Table(
    name="silver.drifting_shops",
    comment="Shops.",
    grain="one shop",
    key=("shop_id",),
    columns=(
        Column("shop_id", "string", "The shop."),
        Column("turnover", "decimal(18,2)", "Euro."),
        Column("scores", "struct<a: double, deep: struct<x: bigint>>", "Scores."),
    ),
)
STALLS = replace(SHOPS, name="silver.drifting_stalls")
EXISTING = {
    "shop_id": ExistingColumn("string", "The shop."),
    "turnover": ExistingColumn("decimal(18,2)", "Euro."),
    "scores": ExistingColumn("struct<a:double,deep:struct<x:bigint>>", "Scores."),
}


def with_column(table: Table, column: Column) -> Table:
    others = tuple(c for c in table.columns if c.name != column.name)
    return replace(table, columns=(*others, column))


def test_a_table_that_fits_is_left_alone() -> None:
    assert drift(SHOPS, EXISTING) == drift(SHOPS, EXISTING | {"old": ExistingColumn("int", "Only the table has it.")})
    assert not drift(SHOPS, EXISTING).clauses
    assert not drift(SHOPS, EXISTING).misfits


@pytest.mark.parametrize(
    ("column", "clause"),
    [
        (Column("city", "string", "The shop's."), "ADD COLUMNS (city string COMMENT 'The shop\\'s.')"),
        (
            Column("scores", "struct<a: double, b: array<string>, deep: struct<x: bigint>>", "Scores."),
            "ADD COLUMNS (scores.b array<string>)",
        ),
        (
            Column("scores", "struct<a: double, deep: struct<x: bigint, y: decimal(9,2)>>", "Scores."),
            "ADD COLUMNS (scores.deep.y decimal(9,2))",
        ),
        (Column("turnover", "decimal(18,2)", "US dollars."), "ALTER COLUMN turnover COMMENT 'US dollars.'"),
    ],
)
def test_what_a_contract_gains_is_added(column: Column, clause: str) -> None:
    found = drift(with_column(SHOPS, column), EXISTING)

    assert found.clauses == (clause,)
    assert not found.misfits


@pytest.mark.parametrize(
    ("column", "existing", "declared"),
    [
        (Column("turnover", "double", "Euro."), "decimal(18,2)", "double"),
        (Column("turnover", "decimal(20,2)", "Euro."), "decimal(18,2)", "decimal(20,2)"),
        (Column("shop_id", "bigint", "The shop."), "string", "bigint"),
        (Column("scores", "struct<a: string, deep: struct<x: bigint>>", "Scores."), "struct<a:double", "struct<a: str"),
        (Column("scores", "string", "Scores."), "struct<", "string"),
    ],
)
def test_another_type_is_named_with_both_sides(column: Column, existing: str, declared: str) -> None:
    (misfit,) = drift(with_column(SHOPS, column), EXISTING).misfits

    assert misfit.startswith(f"{column.name} is {existing}")
    assert f" and {declared}" in misfit


@pytest.mark.spark
def test_a_table_grows_with_its_contract_and_refuses_what_does_not_fit(lake: Lake) -> None:
    lake.ensure(SHOPS, STALLS)
    lake.append(lake.spark.sql("SELECT 'S1' shop_id, 1.50BD turnover, CAST(NULL AS STRING) scores"), _bare(SHOPS))
    grown = with_column(SHOPS, Column("scores", "struct<a: double, deep: struct<x: bigint, y: int>>", "Scores."))
    grown = with_column(grown, Column("city", "string", "Where it is."))

    lake.ensure(grown)

    schema = lake.table(grown).schema
    assert schema["city"].metadata["comment"] == "Where it is."
    assert schema["scores"].dataType.simpleString() == "struct<a:double,deep:struct<x:bigint,y:int>>"
    assert [tuple(row) for row in lake.table(grown).select("shop_id", "city").collect()] == [("S1", None)]

    version = lake.version(grown)
    misfit = with_column(with_column(grown, Column("turnover", "double", "Euro.")), Column("new", "int", "New."))
    with pytest.raises(SchemaError, match=r"turnover is decimal\(18,2\) in the table and double in the contract"):
        lake.ensure(with_column(STALLS, Column("new", "int", "New.")), misfit)
    assert lake.version(grown) == version
    assert "new" not in lake.table(STALLS).columns, "nothing is changed before all fit"


def _bare(table: Table) -> Table:
    """The table without its struct."""
    return replace(table, columns=table.columns[:2])
