"""What a table's creation says to Unity Catalog. There is none here: the statements are recorded, and parsed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlglot
from pyspark.errors import AnalysisException

from common.contracts.silver import CUSTOMER
from common.contracts.star import DIM_DATE, FACT_FRAUD_REPORT
from common.platform import DATABRICKS, LAPTOP, Platform
from common.settings import Settings
from common.storage.lake import Lake
from common.storage.layout import gather_statistics


class NotThere(AnalysisException):
    """What Spark says of a table that is not in the catalog."""

    def getCondition(self) -> str:  # noqa: N802
        return "TABLE_OR_VIEW_NOT_FOUND"


class Recorder:
    """A session whose catalog holds what it was asked to create."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.read = self.catalog = self

    def sql(self, statement: str) -> None:
        self.statements.append(statement)

    def table(self, name: str) -> Any:
        if self.tableExists(name):
            return SimpleNamespace(schema=SimpleNamespace(fields=[]))
        raise NotThere(name)

    def databaseExists(self, name: str) -> bool:  # noqa: N802
        return name == "main.dev_silver"

    def tableExists(self, name: str) -> bool:  # noqa: N802
        return any(statement.startswith(f"CREATE TABLE IF NOT EXISTS {name} ") for statement in self.statements)


def created(*tables: Any, platform: Platform) -> list[str]:
    recorder = Recorder()
    Lake(recorder, Settings(Path("/nowhere"), "main", "dev_", platform=platform)).ensure(*tables)  # type: ignore[arg-type]
    return recorder.statements


def analyzed(table: str, platform: Platform) -> list[str]:
    recorder = Recorder()
    gather_statistics(Lake(recorder, Settings(Path("/nowhere"), "main", "dev_", platform=platform)), table)  # type: ignore[arg-type]
    return recorder.statements


def test_a_table_gets_keys_and_tags() -> None:
    table, *tagged = created(CUSTOMER.history, platform=DATABRICKS)

    assert table.startswith("CREATE TABLE IF NOT EXISTS main.dev_silver.customers (")
    assert f"CONSTRAINT customers_key PRIMARY KEY ({', '.join(CUSTOMER.history.key)})" in table
    assert "SET TAGS ('layer' = 'silver'" in tagged[0]
    personal = [column.name for column in CUSTOMER.history.columns if column.personal]
    assert [statement.split("ALTER COLUMN ")[1].split()[0] for statement in tagged[1:]] == personal
    assert sqlglot.parse_one(table, dialect="databricks")


def test_only_a_schema_that_is_not_there_is_created() -> None:
    assert not [one for one in created(CUSTOMER.history, platform=DATABRICKS) if one.startswith("CREATE SCHEMA")]
    assert created(DIM_DATE, platform=DATABRICKS)[0] == "CREATE SCHEMA IF NOT EXISTS main.dev_gold"


def test_a_foreign_key_is_declared_when_the_other_table_is_there() -> None:
    both = created(DIM_DATE, FACT_FRAUD_REPORT, platform=DATABRICKS)
    alone = created(FACT_FRAUD_REPORT, platform=DATABRICKS)

    assert "REFERENCES main.dev_gold.dim_date (date_key)" in "".join(both)
    assert "REFERENCES" not in "".join(alone)


def test_a_laptop_gets_nothing_of_it() -> None:
    [table] = created(CUSTOMER.history, platform=LAPTOP)
    assert "CONSTRAINT" not in table


def test_statistics_are_gathered_of_columns_that_are_not_personal() -> None:
    [statement] = analyzed("silver.customers", platform=DATABRICKS)

    assert statement.startswith("ANALYZE TABLE main.dev_silver.customers COMPUTE STATISTICS FOR COLUMNS ")
    columns = statement.split("COLUMNS ")[1].split(", ")
    assert columns == [column.name for column in CUSTOMER.history.columns if not column.personal]
    assert len(columns) < len(CUSTOMER.history.columns)
    assert sqlglot.parse_one(statement, dialect="databricks")


def test_no_statistics_without_a_contract_or_a_catalog_for_them() -> None:
    assert analyzed("bronze.somebodys_feed", platform=DATABRICKS) == []
    assert analyzed("silver.customers", platform=LAPTOP) == []
