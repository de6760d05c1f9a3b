"""A lake of the test module's own, with the schemas that every contract names."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from common.settings import settings_from
from common.storage.lake import Lake

SCHEMAS = ("bronze", "silver", "gold", "ops")


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Empty tables, checkpoints and landing; dropped after the module's last test."""
    folder = tmp_path_factory.mktemp("lake")
    settings = replace(settings_from(landing=str(folder / "landing")), home=folder)
    (folder / "landing").mkdir()
    _drop_schemas(spark)
    yield Lake(spark, settings)
    _drop_schemas(spark)


def _drop_schemas(spark: SparkSession) -> None:
    for schema in SCHEMAS:
        spark.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture(scope="module")
def landing(lake: Lake) -> Path:
    """The lake's landing folder."""
    return Path(lake.settings.landing)
