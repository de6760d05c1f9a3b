"""The short version of `make fuzz`: some hundred mutants, always the same."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_run import run
from fuzz_world import mutant
from pyspark.sql import SparkSession

from common.settings import settings_from
from common.storage.lake import Lake
from lake_tables import drop_tables

pytestmark = pytest.mark.spark

SEED, MUTANTS = 1, 400


@pytest.fixture
def empty_lake(spark: SparkSession, tmp_path: Path) -> Iterator[Lake]:
    """Empty tables and checkpoints, dropped after the test."""
    drop_tables(spark)
    yield Lake(spark, dataclasses.replace(settings_from(landing=str(tmp_path / "landing")), home=tmp_path))
    drop_tables(spark)


def test_every_mutant_is_accepted_known_already_or_refused_with_a_reason(empty_lake: Lake) -> None:
    report = run(empty_lake, SEED, range(MUTANTS))

    assert report.problems == []
    fates = {fate for _, fate in report.fates}
    assert {"accepted", "duplicate", "quarantined", "conflict", "file refused"} <= fates
    assert report.records > MUTANTS


def test_a_seed_and_a_number_make_the_same_mutant_again() -> None:
    assert [mutant(5, number) for number in range(50)] == [mutant(5, number) for number in range(50)]
    assert mutant(5, 7) != mutant(6, 7)
