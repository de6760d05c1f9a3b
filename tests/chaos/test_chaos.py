"""The short version of `make chaos`: a few tasks of the main job, killed at five chosen moments."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos_compare import compare
from chaos_moments import Moment
from chaos_processes import none_left, processes_of
from chaos_report import comparison, is_equal
from chaos_run import Chaos
from chaos_world import make_rounds
from pyspark.sql import SparkSession

from quick_server import QUICK, VARIABLE

pytestmark = [pytest.mark.job, pytest.mark.long]  # steps have tests of kills between their writes

MOMENTS = {
    "bronze_feeds": (Moment("landing", "bronze_feeds", 0.2),),  # later, a job of one task has ended
    "silver_customers": (
        Moment("commit", "silver_customers", 0.0),  # a new table's first commit, which the catalog doesn't know of yet
        Moment("merge", "silver_customers", 0.0),
        Moment("write", "silver_customers", 0.0),
        Moment("commit", "silver_customers", 0.5),  # between two of the commits that make up a batch
    ),
}
"""Of each task that is run, in their order. A task that is done is not run again before each kill of the next."""


@pytest.fixture
def chaos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chaos]:
    """A small world of one round."""
    monkeypatch.setenv(VARIABLE, QUICK)
    rounds = make_rounds(tmp_path / "world", customers=25, days=6, rounds=1)
    chaos = Chaos(tmp_path, rounds, tuple(MOMENTS))
    for home in (chaos.undisturbed, chaos.disturbed, tmp_path / "logs"):
        home.mkdir()
    with none_left(chaos.undisturbed, chaos.disturbed):
        yield chaos


def test_a_job_killed_five_times_ends_as_one_that_nobody_disturbed(chaos: Chaos, spark: SparkSession) -> None:
    profile = chaos.leave_alone()[0]
    assert profile.keys() == MOMENTS.keys()

    chaos.begin_disturbed()
    for task, moments in MOMENTS.items():
        chaos.tasks = (task,)
        chaos.strike(0, profile, moments)

    kills = [strike for strike in chaos.strikes if strike.is_kill]
    assert len(kills) == 5
    assert all(strike.processes > 1 for strike in kills), "the server dies with the job"
    compared = compare(spark, chaos.undisturbed, chaos.disturbed)
    assert is_equal(compared), "\n".join(comparison(compared))
    assert not processes_of(chaos.disturbed)

    # What the comparison is worth: one row more, and it says so.
    folder = str(chaos.disturbed / "warehouse" / "silver.db" / "customers")
    row = spark.read.format("delta").load(folder).limit(1)
    row.write.format("delta").mode("append").save(folder)
    [doubled] = [one for one in compare(spark, chaos.undisturbed, chaos.disturbed) if one.differences]
    assert doubled.table == "silver.customers"
    assert doubled.differences[0].startswith("1 rows too many")
    assert doubled.differences[-1] == "1 keys are there more than once"
