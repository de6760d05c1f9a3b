"""The short version of `make fuzz`: some hundred mutants, always the same."""

import dataclasses
from pathlib import Path

import pytest
from fuzz_run import run
from fuzz_world import mutant
from pyspark.sql import SparkSession

from common.settings import settings_from
from common.storage.lake import Lake

SEED, MUTANTS = 1, 400


@pytest.fixture
def empty_lake(spark: SparkSession, schema_prefix: str, tmp_path: Path) -> Lake:
    """Empty tables and checkpoints."""
    settings = settings_from(schema_prefix=schema_prefix, landing=str(tmp_path / "landing"))
    return Lake(spark, dataclasses.replace(settings, home=tmp_path))


def test_every_mutant_is_accepted_known_already_or_refused_with_a_reason(empty_lake: Lake) -> None:
    report = run(empty_lake, SEED, range(MUTANTS))

    assert report.problems == []
    fates = {fate for _, fate in report.fates}
    assert {"accepted", "duplicate", "quarantined", "conflict", "file refused"} <= fates
    assert report.records > MUTANTS


def test_a_seed_and_a_number_make_the_same_mutant_again() -> None:
    assert [mutant(5, number) for number in range(50)] == [mutant(5, number) for number in range(50)]
    assert mutant(5, 7) != mutant(6, 7)
