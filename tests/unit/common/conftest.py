"""A lake of the test module's own."""

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from common.settings import settings_from
from common.storage.lake import Lake


@pytest.fixture(scope="module")
def lake(spark: SparkSession, schema_prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Empty tables, checkpoints and landing; dropped after the module's last test."""
    folder = tmp_path_factory.mktemp("lake")
    settings = replace(settings_from(schema_prefix=schema_prefix, landing=str(folder / "landing")), home=folder)
    (folder / "landing").mkdir()
    return Lake(spark, settings)


@pytest.fixture(scope="module")
def landing(lake: Lake) -> Path:
    """The lake's landing folder."""
    return Path(lake.settings.landing)
