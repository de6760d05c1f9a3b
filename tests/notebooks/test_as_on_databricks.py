"""The main job as Databricks runs it: parameters through widgets, from a foreign folder, in schemas of its own.

Beside it, `lakehouse run` does the same work by papermill on a Spark server of somebody else (SPARK_REMOTE). Both must
end with the same rows. The notebooks that the main job doesn't have run by themselves, in the laptop's workspace. What
the laptop's notebooks show is searched for what is nobody's business.

No other module uses the schemas' own names: these tests share a server with others.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from as_databricks import run_job
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from shown_by_notebooks import HIDDEN, SHORTEST, STRANGER, executed, personal_values, seen, shown

from common.contracts.registry import LAYERS, all_tables
from common.contracts.silver import CUSTOMER, QUARANTINE, TRANSACTIONS
from common.contracts.table import Table
from common.errors import ConservationError
from common.settings import repository, settings_from
from common.silver.review import quarantine_target, quarantined_samples
from common.sources.declaration import load_source
from common.storage.lake import Lake
from lake_tables import drop_tables
from local.workspace import Workspace

pytestmark = pytest.mark.job

PREFIX = "dev_alice_"
CANARY = "canary-9c1f7e"
WORLD = (
    *("--customers", "120", "--merchants", "60", "--terminals", "150", "--days", "45"),
    *("--stolen-card-share", "0.08", "--compromised-terminal-share", "0.05"),  # enough fraud to learn from
)
OF_A_RUN = frozenset(
    {"run_id", "query_id", "batch_id", "first_seen_at", "replayed_at", "model_version", "details"}
    | {f"{done}_at" for done in ("committed", "ingested", "accepted", "quarantined", "scored", "checked", "computed")}
    | {"ingest_date"}
)
"""Columns that tell of the run and of the time of day, not of the data."""


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
        # Her file comes first: of the refused records, the first few are shown.
        stranger = home / "landing" / "simulated" / "customers" / "a-stranger.csv"
        stranger.write_text(f"{','.join(STRANGER)}\n{','.join(STRANGER.values())}\n", encoding="utf-8")
        lakehouse(environment, "run", "lakehouse")
        [record] = (home / "runs").glob("*/run.json")
        laptop = {task["key"]: task for task in json.loads(record.read_text(encoding="utf-8"))["tasks"]}

        patch.setenv("LAKEHOUSE_HOME", str(tmp_path_factory.mktemp("deployment")))
        yield Both(home, environment, laptop, on_databricks(home, "lakehouse"))
    drop_tables(spark)
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {PREFIX}{layer} CASCADE")


def on_databricks(home: Path, key: str) -> dict[str, dict[str, Any]]:
    """Runs a job's notebooks on what landed in `home`."""
    return run_job(key, landing=str(home / "landing"), schema_prefix=PREFIX)


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


SHOW_PEOPLE = ("bronze_feeds", "silver_customers", "silver_transactions", "star_schema", "check_quality")
"""Tasks of the main job that read tables with personal columns and show rows. Marts and scores hold none."""


@pytest.fixture(scope="module")
def lake(spark: SparkSession, both: Both) -> Lake:
    """The laptop's."""
    return Lake(spark, replace(settings_from(landing=str(both.home / "landing")), home=both.home))


@dataclass(frozen=True)
class Shown:
    """What the notebooks showed, and the personal values that the tables had meanwhile, by column."""

    texts: Mapping[str, str]
    personal: Mapping[str, frozenset[str]]
    forgotten: str
    """The customer whom `ops/forget_customer` erased."""


@pytest.fixture(scope="module")
def people(both: Both, lake: Lake) -> Shown:
    """The main job's notebooks as the laptop keeps them; then those of the quarantine; then a customer is forgotten."""
    [record] = (both.home / "runs").glob("*/run.json")
    texts = {task: shown(nbformat.read(record.with_name(f"{task}.ipynb"), as_version=4)) for task in SHOW_PEOPLE}
    for name in ("silver/review_quarantine", "silver/replay_quarantine"):
        texts[name] = executed(name, both.environment)
    personal = personal_values(lake)
    customers = lake.table(CUSTOMER.history).join(lake.table(TRANSACTIONS), "customer_id")
    forgotten = customers.agg({"customer_id": "min"}).collect()[0][0]
    texts["ops/forget_customer"] = executed("ops/forget_customer", both.environment, customer_id=forgotten)
    return Shown(texts, personal, forgotten)


def test_notebooks_show_nothing_that_identifies_a_customer(people: Shown) -> None:
    values = {**people.personal, "the stranger": frozenset(STRANGER[name] for name in HIDDEN)}

    assert {name for name, text in people.texts.items() if len(text) < 100} == set()
    found = [(name, column, seen(values[column], text)) for name, text in people.texts.items() for column in values]
    assert [one for one in found if one[2]] == []


def test_the_review_shows_the_refused_record_by_its_shape(people: Shown) -> None:
    review = people.texts["silver/review_quarantine"]
    assert "xxxxxxx xxxxxxxxxx" in review
    assert "email=(personal), must look like name@domain.tld" in review
    assert "country='Nowhere' can't be read as an ISO 3166 country" in review


def test_the_search_would_find_what_it_searches_for(people: Shown) -> None:
    personal = people.personal
    customers = {name for name in personal if name.startswith(f"{CUSTOMER.history.name}.")}

    assert len(customers) == sum(column.personal for column in CUSTOMER.history.columns)
    assert {f"{QUARANTINE.name}.payload", "bronze.customers.payload"} < personal.keys()
    assert all(len(personal[column]) >= SHORTEST for column in customers)
    for values in personal.values():
        assert all(seen({value}, f"<td>{value.upper()}</td>") == [value] for value in sorted(values)[:200])
    assert seen({"Anton", "12345"}, "Antonia 123456") == []


def test_a_customer_who_is_forgotten_is_in_no_table_and_in_the_counts(lake: Lake, people: Shown) -> None:
    for table in (CUSTOMER.changes, CUSTOMER.history, TRANSACTIONS):
        assert lake.table(table).where(f"customer_id = '{people.forgotten}'").isEmpty()
    assert " records erased" in people.texts["ops/forget_customer"]


def test_samples_are_those_of_the_table_that_is_asked_for(lake: Lake, people: Shown) -> None:
    source = load_source(repository() / "sources", "simulated")

    samples = quarantined_samples(lake, source, quarantine_target("silver.customers"))

    assert set(samples["target"]) == {CUSTOMER.changes.name}
    stranger = samples[samples["source_ref"].str.endswith("stranger.csv#1")]
    assert set(stranger["check_name"]) >= {"email_format", "birth_date_in_range", "country_convertible"}
    assert not lake.table(QUARANTINE).where("payload LIKE '%Zyxwina%'").isEmpty()


def test_score_stream_takes_what_lands_after_the_main_job_to_a_score(spark: SparkSession, both: Both) -> None:
    scores = f"{PREFIX}gold.transaction_scores"
    before = spark.read.table(scores).count()
    feed = both.home / "landing" / "simulated" / "transactions"
    last = max(feed.glob("*.jsonl")).read_text(encoding="utf-8").splitlines()[-1]
    another = json.loads(last) | {"id": "T-landed-later"}
    (feed / "later.jsonl").write_text(f"{last}\n{json.dumps(another)}\n", encoding="utf-8")

    ended = on_databricks(both.home, "score_stream")

    # The first was scored by the main job, whose streams these are.
    assert (ended["score_stream"]["rows_in"], ended["score_stream"]["rows_out"]) == (2, 1)
    assert spark.read.table(scores).count() == before + 1
    assert spark.read.table(scores).where("transaction_id = 'T-landed-later'").count() == 1


def test_maintenance_fails_where_a_table_breaks_its_promise(spark: SparkSession, both: Both) -> None:
    merchants = f"{PREFIX}silver.merchants"
    spark.sql(f"INSERT INTO {merchants} SELECT * FROM {merchants} LIMIT 1")

    # The history is checked against its changes, too.
    with pytest.raises(ConservationError, match=r"silver.merchants: unique(?s:.*)merchants: completeness"):
        on_databricks(both.home, "maintenance")


BY_THEMSELVES = ("ml/score_stream", "ml/review_alerts")
"""Notebooks that the main job doesn't have; those of the quarantine have run above. `make notebooks` runs those that it
has by nbmake, too; here they have run, with the same defaults (test_the_jobs_defaults_are_those_of_the_notebooks)."""


def test_the_other_notebooks_run_by_themselves(both: Both) -> None:
    paths = " ".join(f"notebooks/{name}.ipynb" for name in BY_THEMSELVES)
    subprocess.run(
        ["make", "nbmake", f"NOTEBOOKS={paths}"], cwd=repository(), env=both.environment, check=True, timeout=900
    )
