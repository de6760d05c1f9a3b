"""A lake of the test module's own, with the schemas that every contract names."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from common.settings import settings_from
from common.storage.lake import Lake
from lake_tables import drop_tables


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Empty tables, checkpoints and landing; dropped after the module's last test."""
    folder = tmp_path_factory.mktemp("lake")
    settings = replace(settings_from(landing=str(folder / "landing")), home=folder)
    (folder / "landing").mkdir()
    drop_tables(spark)
    yield Lake(spark, settings)
    drop_tables(spark)


@pytest.fixture(scope="module")
def landing(lake: Lake) -> Path:
    """The lake's landing folder."""
    return Path(lake.settings.landing)
