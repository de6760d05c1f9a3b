"""The short versions of `make chaos` over servers: each kind of fault once."""

from dataclasses import replace
from pathlib import Path

import chaos_pulls
import chaos_streams
import pytest
from pyspark.sql import SparkSession
from servers_world import differences

from common.settings import settings_from
from common.storage.lake import Lake

KINDS = 17


@pytest.mark.spark  # it needs none, but half a minute: `make check` leaves it out
def test_whatever_fails_what_is_pulled_is_landed_once(tmp_path: Path) -> None:
    report = chaos_pulls.run(tmp_path, seed=1, faults=KINDS)

    assert report.problems == []
    assert report.faults[chaos_pulls.KILL]
    assert len(report.faults) >= KINDS - 1
    assert any("FAILED" in words or "attempt" in words for _, words in report.words), "something was hit"


@pytest.fixture
def empty_lake(spark: SparkSession, schema_prefix: str, tmp_path: Path) -> Lake:
    settings = settings_from(schema_prefix=schema_prefix, landing=str(tmp_path / "landing"))
    return Lake(spark, replace(settings, home=tmp_path))


@pytest.mark.long  # tests of readers have servers fail one by one
def test_servers_that_fail_in_mid_stream_lose_and_double_nothing(empty_lake: Lake, tmp_path: Path) -> None:
    report = chaos_streams.run(empty_lake, tmp_path, seed=2, faults=("kafka killed", "aws stopped"))

    assert report.problems == []
    assert report.faults.total() >= 1, "a fault came while something was read"
    assert report.sent > 50


def test_the_comparison_names_what_is_lost_doubled_and_invented() -> None:
    [problem] = differences({"a": [1, 2, 3]}, {"a": [("x", 2), ("y", 2), ("z", 9), ("w", 3)]})

    assert problem == "a: lost [1], doubled [2], never sent [9], of 3"
    assert differences({"a": [1]}, {"a": [("x", 1)]}) == []
    assert differences({"a": [1, 2]}, {"a": [("x", 1), ("x", 2)]}) != [], "one reference twice"
