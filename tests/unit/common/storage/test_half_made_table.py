"""A server killed in the middle of CREATE TABLE: what it leaves is cleared by the next run, and nothing else is."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pyspark.errors import AnalysisException

from common.contracts.table import Column, Table
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def a_table(name: str) -> Table:
    return Table(f"gold.{name}", "Things.", "one thing", (Column("id", "bigint", "Key."),), key=("id",))


@pytest.fixture
def warehouse(lake: Lake) -> Lake:
    """The lake with the workspace as its home, below which the tables lie."""
    lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {lake.settings.table('gold')}")
    home = Path(urlsplit(lake.spark.conf.get("spark.sql.warehouse.dir")).path).parent
    return Lake(lake.spark, replace(lake.settings, home=home))


def folder_of(lake: Lake, table: Table) -> Path:
    return lake.settings.home / "warehouse" / f"{lake.settings.schema(table.schema)}.db" / table.short_name


def test_a_first_commit_that_the_catalog_does_not_know_is_no_hindrance(warehouse: Lake) -> None:
    table = a_table("unknown_to_the_catalog")
    warehouse.spark.sql(f"CREATE TABLE delta.`{folder_of(warehouse, table)}` (id bigint) USING delta")
    assert not warehouse.exists(table)

    warehouse.ensure(table)

    warehouse.append(warehouse.spark.range(3), table)
    assert warehouse.table(table).count() == 3


def test_a_folder_without_a_commit_is_no_hindrance(warehouse: Lake) -> None:
    table = a_table("without_a_commit")
    log = folder_of(warehouse, table) / "_delta_log"
    log.mkdir(parents=True)
    (log / ".00000000000000000000.json.tmp").write_text("half")

    warehouse.ensure(table)

    assert warehouse.table(table).count() == 0


def test_rows_that_the_catalog_does_not_know_of_are_left_alone(warehouse: Lake) -> None:
    table = a_table("somebodys_rows")
    folder = folder_of(warehouse, table)
    warehouse.spark.range(3).write.format("delta").save(str(folder))

    with pytest.raises(AnalysisException, match="NON_EMPTY_LOCATION"):
        warehouse.ensure(table)

    assert warehouse.spark.read.format("delta").load(str(folder)).count() == 3
