"""The main job as Databricks runs it: parameters through widgets, from a foreign folder, in schemas of its own.

Beside it, `lakehouse run` does the same work by papermill on a Spark server of somebody else (SPARK_REMOTE). Both must
end with the same rows. nbmake runs the notebooks of no job here by themselves, in the laptop's workspace.

No other module uses the schemas' own names: these tests share a server with others.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.contracts.registry import LAYERS, all_tables
from common.contracts.table import Table
from common.errors import ConservationError
from common.settings import repository
from lake_tables import drop_tables
from local.jobs.bundle import load_bundle
from local.jobs.dynamic_values import RunValues, TaskValues
from local.jobs.job import load_job
from local.jobs.parameters import check_parameters, job_values, task_values
from local.workspace import Workspace

pytestmark = pytest.mark.job

PREFIX = "dev_alice_"
CANARY = "canary-9c1f7e"
WORLD = (
    *("--customers", "150", "--merchants", "60", "--terminals", "150", "--days", "90"),
    *("--stolen-card-share", "0.08", "--compromised-terminal-share", "0.05"),  # enough fraud to learn from
)
OF_A_RUN = frozenset(
    {"run_id", "query_id", "batch_id", "first_seen_at", "replayed_at", "model_version", "details"}
    | {f"{done}_at" for done in ("committed", "ingested", "accepted", "quarantined", "scored", "checked", "computed")}
    | {"ingest_date"}
)
"""Columns that tell of the run and of the time of day, not of the data."""


class Exit(Exception):
    """How `dbutils.notebook.exit` ends a notebook."""


class Dbutils:
    """Widgets that hold a job's values, all text, and the end of a notebook."""

    def __init__(self, given: Mapping[str, str]) -> None:
        assert all(isinstance(value, str) for value in given.values())
        self.given, self.made = given, dict[str, str]()
        self.widgets = self.notebook = self

    def text(self, name: str, default: str, label: str = "") -> None:
        self.made.setdefault(name, default)

    def dropdown(self, name: str, default: str, choices: list[str], label: str = "") -> None:
        self.text(name, default)

    def get(self, name: str) -> str:
        assert name in self.made, f"InputWidgetNotDefined: {name}"
        return self.given.get(name, self.made[name])

    def exit(self, value: str) -> None:
        raise Exit(value)


def run_as_databricks(notebook: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Runs a notebook's cells with its own defaults, the job's values in widgets; what it ended with."""
    namespace: dict[str, object] = {"__name__": "__main__", "display": print, "dbutils": Dbutils(given)}
    try:
        for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{notebook.name}, cell {number}", "exec"), namespace)
    except Exit as ended:
        result: dict[str, Any] = json.loads(str(ended))
        return result
    raise AssertionError(f"{notebook.name} didn't end with its result")


@dataclass(frozen=True)
class Both:
    """The same job, run in both ways: the laptop's record of its tasks, and what the notebooks ended with."""

    home: Path
    environment: Mapping[str, str]
    laptop: Mapping[str, Mapping[str, Any]]
    databricks: Mapping[str, Mapping[str, Any]]


def lakehouse(environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "local.cli", *arguments], env=environment, check=True, timeout=900)


@pytest.fixture(scope="module")
def both(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    drop_tables(spark)
    home = tmp_path_factory.mktemp("laptop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("foreign"))
        patch.setenv("MPLBACKEND", "Agg")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        environment = os.environ | {"LAKEHOUSE_HOME": str(home), "LAKEHOUSE_SECRET_CANARY": CANARY}
        lakehouse(environment, "simulate", *WORLD)
        lakehouse(environment, "run", "lakehouse")
        [record] = (home / "runs").glob("*/run.json")
        laptop = {task["key"]: task for task in json.loads(record.read_text(encoding="utf-8"))["tasks"]}

        patch.setenv("LAKEHOUSE_HOME", str(tmp_path_factory.mktemp("deployment")))
        yield Both(home, environment, laptop, run_job(home, "lakehouse"))
    drop_tables(spark)
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {PREFIX}{layer} CASCADE")


def run_job(home: Path, key: str) -> dict[str, dict[str, Any]]:
    """Runs a job's notebooks on what landed in `home`; what each ended with, by task."""
    job = load_job(load_bundle(repository()), key)
    given = {"landing": str(home / "landing"), "schema_prefix": PREFIX}
    given = {name: value for name, value in given.items() if name in job.parameters}
    declared = check_parameters(job, given)
    run = RunValues(job.key, job.name, "4711", datetime.now(UTC))
    run = replace(run, parameters=job_values(job, given, run))
    finished: dict[str, TaskValues] = {}
    ended = {}
    for task in job.tasks:
        this = TaskValues(task.key, task.key, str(task.notebook), 1)
        values = task_values(job, task, declared=declared[task.key], run=run, this=this, finished=finished)
        ended[task.key] = run_as_databricks(task.notebook, values)
        finished[task.key] = replace(this, result_state="success")
    return ended


def differing(one: DataFrame, other: DataFrame) -> DataFrame:
    """Rows that aren't as often in the one as in the other."""
    columns = [name for name in one.columns if name not in OF_A_RUN]
    assert columns == [name for name in other.columns if name not in OF_A_RUN]
    sides = one.select(*columns, F.lit(1).alias("_side")).unionAll(other.select(*columns, F.lit(-1).alias("_side")))
    return sides.groupBy(*columns).agg(F.sum("_side").alias("_surplus")).where("_surplus <> 0")


def test_every_notebook_ends_with_what_the_laptop_noted(both: Both) -> None:
    assert both.databricks.keys() == both.laptop.keys()
    for key, ended in both.databricks.items():
        assert ended.get("rows_in") == both.laptop[key]["rows_in"], key
        assert ended.get("rows_out") == both.laptop[key]["rows_out"], key


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_both_have_the_same_rows(spark: SparkSession, both: Both, table: Table) -> None:
    names = [f"spark_catalog.{table.name}", f"spark_catalog.{PREFIX}{table.name}"]
    there = [spark.catalog.tableExists(name) for name in names]
    assert there[0] == there[1]
    if not there[0] or table.schema == "ops":
        return
    one, other = (spark.read.table(name) for name in names)
    assert differing(one, other).isEmpty()


def test_a_model_was_trained_and_there_are_scores(spark: SparkSession, both: Both) -> None:
    assert spark.read.table(f"{PREFIX}gold.transaction_scores").count() > 1000


def test_records_are_accounted_for_in_both(spark: SparkSession, both: Both) -> None:
    for prefix in ("", PREFIX):
        off = spark.read.table(f"{prefix}ops.batches").where(
            "records_read <> accepted + duplicates + quarantined + not_selected"
        )
        assert off.isEmpty()


def test_runs_are_noted_with_the_job_run_that_the_parameter_names(spark: SparkSession, both: Both) -> None:
    named = spark.read.table(f"{PREFIX}ops.batches").select("run_id").distinct().collect()
    assert [row[0] for row in named] == ["4711"]


def test_what_was_run_with_a_secret_in_reach_holds_it_nowhere(both: Both) -> None:
    searched = [file for file in Workspace(both.home).home.rglob("*") if file.is_file()]
    assert len([file for file in searched if file.suffix == ".ipynb"]) >= len(both.laptop)
    assert [str(file) for file in searched if CANARY.encode() in file.read_bytes()] == []


def test_executed_notebooks_stay_below_the_limits_of_outputs(both: Both) -> None:
    # Databricks keeps 20 MB of a notebook task's outputs, and shows no cell's above 10 MB.
    for file in (both.home / "runs").rglob("*.ipynb"):
        for cell in nbformat.read(file, as_version=4).cells:
            assert len(json.dumps(cell.get("outputs", []))) < 2_000_000, file.name
        assert file.stat().st_size < 5_000_000


def test_score_stream_takes_what_lands_after_the_main_job_to_a_score(spark: SparkSession, both: Both) -> None:
    scores = f"{PREFIX}gold.transaction_scores"
    before = spark.read.table(scores).count()
    feed = both.home / "landing" / "simulated" / "transactions"
    last = max(feed.glob("*.jsonl")).read_text(encoding="utf-8").splitlines()[-1]
    another = json.loads(last) | {"id": "T-landed-later"}
    (feed / "later.jsonl").write_text(f"{last}\n{json.dumps(another)}\n", encoding="utf-8")

    ended = run_job(both.home, "score_stream")

    # The first was scored by the main job, whose streams these are.
    assert (ended["score_stream"]["rows_in"], ended["score_stream"]["rows_out"]) == (2, 1)
    assert spark.read.table(scores).count() == before + 1
    assert spark.read.table(scores).where("transaction_id = 'T-landed-later'").count() == 1


def test_maintenance_fails_where_a_table_breaks_its_promise(spark: SparkSession, both: Both) -> None:
    merchants = f"{PREFIX}silver.merchants"
    spark.sql(f"INSERT INTO {merchants} SELECT * FROM {merchants} LIMIT 1")

    # The history is checked against its changes, too.
    with pytest.raises(ConservationError, match=r"silver.merchants: unique(?s:.*)merchants: completeness"):
        run_job(both.home, "maintenance")


BY_THEMSELVES = ("silver/review_quarantine", "silver/replay_quarantine", "ml/score_stream", "ml/review_alerts")
"""Notebooks that the main job doesn't have. `make notebooks` runs those that it has by nbmake, too; here they have run,
with the same defaults (test_the_jobs_defaults_are_those_of_the_notebooks)."""


def test_the_other_notebooks_run_by_themselves(both: Both) -> None:
    paths = " ".join(f"notebooks/{name}.ipynb" for name in BY_THEMSELVES)
    subprocess.run(
        ["make", "nbmake", f"NOTEBOOKS={paths}"], cwd=repository(), env=both.environment, check=True, timeout=900
    )
