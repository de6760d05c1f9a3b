"""The main job as Databricks runs it: parameters through widgets, from a foreign folder, in schemas of its own.

Then the other jobs' notebooks, in the same deployment; what they show is searched for what is nobody's business.

In long tests, `lakehouse run` does the same work by papermill, on a Spark server of somebody else (SPARK_REMOTE). Both
must end with the same rows.

No other module uses the schemas' own names: these tests share a server with others.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from as_databricks import Ended, run_as_databricks, run_job
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from shown_by_notebooks import HIDDEN, SHORTEST, STRANGER, personal_values, seen

from common.contracts.registry import LAYERS, all_tables
from common.contracts.silver import CUSTOMER, QUARANTINE, TRANSACTIONS
from common.contracts.table import Table
from common.errors import ConservationError
from common.settings import repository, settings_from
from common.silver.review import quarantine_target, quarantined_samples
from common.sources.declaration import load_source
from common.storage.lake import Lake
from lake_tables import drop_tables

pytestmark = pytest.mark.job

PREFIX = "dev_alice_"
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
class Landed:
    """The landing folder of a simulated world, in a workspace of a laptop that has run nothing yet."""

    home: Path
    environment: Mapping[str, str]

    @property
    def landing(self) -> Path:
        """Where the files are."""
        return self.home / "landing"


def lakehouse(environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "local.cli", *arguments], env=environment, check=True, timeout=900)


@pytest.fixture(scope="module")
def landed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    drop_tables(spark)
    home = tmp_path_factory.mktemp("laptop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("foreign"))
        patch.setenv("MPLBACKEND", "Agg")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        environment = os.environ | {"LAKEHOUSE_HOME": str(home)}
        lakehouse(environment, "simulate", *WORLD)
        # Her file comes first: of the refused records, the first few are shown.
        stranger = home / "landing" / "simulated" / "customers" / "a-stranger.csv"
        stranger.write_text(f"{','.join(STRANGER)}\n{','.join(STRANGER.values())}\n", encoding="utf-8")
        patch.setenv("LAKEHOUSE_HOME", str(tmp_path_factory.mktemp("deployment")))
        yield Landed(home, environment)
    drop_tables(spark)
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {PREFIX}{layer} CASCADE")


def on_databricks(landed: Landed, key: str, **given: str) -> dict[str, Ended]:
    """Runs a job's notebooks on what landed."""
    return run_job(key, landing=str(landed.landing), schema_prefix=PREFIX, **given)


@pytest.fixture(scope="module")
def deployed(landed: Landed) -> dict[str, Ended]:
    """How the main job's notebooks ended, by task."""
    return on_databricks(landed, "lakehouse")


@pytest.fixture(scope="module")
def laptop(landed: Landed) -> dict[str, Mapping[str, Any]]:
    """The laptop's record of the tasks of the same job."""
    lakehouse(landed.environment, "run", "lakehouse")
    [record] = (landed.home / "runs").glob("*/run.json")
    return {task["key"]: task for task in json.loads(record.read_text(encoding="utf-8"))["tasks"]}


def differing(one: DataFrame, other: DataFrame) -> DataFrame:
    """Rows that aren't as often in the one as in the other."""
    columns = [name for name in one.columns if name not in OF_A_RUN]
    assert columns == [name for name in other.columns if name not in OF_A_RUN]
    sides = one.select(*columns, F.lit(1).alias("_side")).unionAll(other.select(*columns, F.lit(-1).alias("_side")))
    return sides.groupBy(*columns).agg(F.sum("_side").alias("_surplus")).where("_surplus <> 0")


@pytest.mark.long
def test_every_notebook_ends_with_what_the_laptop_noted(
    deployed: Mapping[str, Ended], laptop: Mapping[str, Mapping[str, Any]]
) -> None:
    assert deployed.keys() == laptop.keys()
    for key, ended in deployed.items():
        assert ended.result.get("rows_in") == laptop[key]["rows_in"], key
        assert ended.result.get("rows_out") == laptop[key]["rows_out"], key


@pytest.mark.long
@pytest.mark.usefixtures("deployed", "laptop")
@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_both_have_the_same_rows(spark: SparkSession, table: Table) -> None:
    names = [f"spark_catalog.{table.name}", f"spark_catalog.{PREFIX}{table.name}"]
    there = [spark.catalog.tableExists(name) for name in names]
    assert there[0] == there[1]
    if not there[0] or table.schema == "ops":
        return
    one, other = (spark.read.table(name) for name in names)
    assert differing(one, other).isEmpty()


@pytest.mark.long
@pytest.mark.usefixtures("laptop")
def test_notebooks_that_the_main_job_does_not_have_run_by_themselves_on_the_laptop(landed: Landed) -> None:
    """`make notebooks` runs those of the main job by nbmake, too; by the laptop's run they have run with the same
    defaults (test_the_jobs_defaults_are_those_of_the_notebooks)."""
    paths = " ".join(f"notebooks/ml/{name}.ipynb" for name in ("score_stream", "review_alerts"))
    subprocess.run(
        ["make", "nbmake", f"NOTEBOOKS={paths}"], cwd=repository(), env=landed.environment, check=True, timeout=900
    )


@pytest.mark.usefixtures("deployed")
def test_a_model_was_trained_and_there_are_scores(spark: SparkSession) -> None:
    assert spark.read.table(f"{PREFIX}gold.transaction_scores").count() > 1000


@pytest.mark.usefixtures("deployed")
def test_records_are_accounted_for(spark: SparkSession) -> None:
    off = spark.read.table(f"{PREFIX}ops.batches").where(
        "records_read <> accepted + duplicates + quarantined + not_selected"
    )
    assert off.isEmpty()


@pytest.mark.usefixtures("deployed")
def test_runs_are_noted_with_the_job_run_that_the_parameter_names(spark: SparkSession) -> None:
    named = spark.read.table(f"{PREFIX}ops.batches").select("run_id").distinct().collect()
    assert [row[0] for row in named] == ["4711"]


SHOW_PEOPLE = ("bronze_feeds", "silver_customers", "silver_transactions", "star_schema", "check_quality")
"""Tasks of the main job that read tables with personal columns and show rows. Marts and scores hold none."""


@pytest.fixture(scope="module")
def lake(spark: SparkSession, landed: Landed) -> Lake:
    """The deployment's."""
    return Lake(spark, settings_from(landing=str(landed.landing), schema_prefix=PREFIX))


@dataclass(frozen=True)
class Shown:
    """What the notebooks showed, and the personal values that the tables had meanwhile, by column."""

    texts: Mapping[str, str]
    personal: Mapping[str, frozenset[str]]
    forgotten: str
    """The customer whom `ops/forget_customer` erased."""


@pytest.fixture(scope="module")
def people(deployed: Mapping[str, Ended], landed: Landed, lake: Lake) -> Shown:
    """The main job's notebooks; then those of the quarantine and of alerts; then a customer is forgotten."""
    review = repository() / "notebooks" / "silver" / "review_quarantine.ipynb"
    others = {
        "review_quarantine": run_as_databricks(review, {"schema_prefix": PREFIX, "landing": str(landed.landing)}),
        **on_databricks(landed, "replay_quarantine"),
        **on_databricks(landed, "review_alerts"),
    }
    personal = personal_values(lake)
    customers = lake.table(CUSTOMER.history).join(lake.table(TRANSACTIONS), "customer_id")
    forgotten = customers.agg({"customer_id": "min"}).collect()[0][0]
    others["forget_customer"] = on_databricks(landed, "forget_customer", customer_id=forgotten)["forget_customer"]
    shown = {task: deployed[task] for task in SHOW_PEOPLE} | others
    return Shown({task: ended.shown for task, ended in shown.items()}, personal, forgotten)


def test_notebooks_show_nothing_that_identifies_a_customer(people: Shown) -> None:
    values = {**people.personal, "the stranger": frozenset(STRANGER[name] for name in HIDDEN)}

    assert {name for name, text in people.texts.items() if len(text) < 100} == set()
    assert 'class="dataframe"' in people.texts["star_schema"], "what a cell ends with is among what is searched"
    found = [(name, column, seen(values[column], text)) for name, text in people.texts.items() for column in values]
    assert [one for one in found if one[2]] == []


def test_the_review_shows_the_refused_record_by_its_shape(people: Shown) -> None:
    review = people.texts["review_quarantine"]
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
    assert " records erased" in people.texts["forget_customer"]


def test_samples_are_those_of_the_table_that_is_asked_for(lake: Lake, people: Shown) -> None:
    source = load_source(repository() / "sources", "simulated")

    samples = quarantined_samples(lake, source, quarantine_target("silver.customers"))

    assert set(samples["target"]) == {CUSTOMER.changes.name}
    stranger = samples[samples["source_ref"].str.endswith("stranger.csv#1")]
    assert set(stranger["check_name"]) >= {"email_format", "birth_date_in_range", "country_convertible"}
    assert not lake.table(QUARANTINE).where("payload LIKE '%Zyxwina%'").isEmpty()


def test_score_stream_takes_what_lands_after_the_main_job_to_a_score(
    spark: SparkSession, landed: Landed, people: Shown
) -> None:
    scores = f"{PREFIX}gold.transaction_scores"
    before = spark.read.table(scores).count()
    feed = landed.landing / "simulated" / "transactions"
    last = max(feed.glob("*.jsonl")).read_text(encoding="utf-8").splitlines()[-1]
    assert people.forgotten not in last
    another = json.loads(last) | {"id": "T-landed-later"}
    (feed / "later.jsonl").write_text(f"{last}\n{json.dumps(another)}\n", encoding="utf-8")

    ended = on_databricks(landed, "score_stream")["score_stream"].result

    # The first was scored by the main job, whose streams these are.
    assert (ended["rows_in"], ended["rows_out"]) == (2, 1)
    assert spark.read.table(scores).count() == before + 1
    assert spark.read.table(scores).where("transaction_id = 'T-landed-later'").count() == 1


@pytest.mark.long  # test_maintenance.py and test_check_tables.py show its parts
@pytest.mark.usefixtures("people")
def test_maintenance_fails_where_a_table_breaks_its_promise(spark: SparkSession, landed: Landed) -> None:
    merchants = f"{PREFIX}silver.merchants"
    spark.sql(f"INSERT INTO {merchants} SELECT * FROM {merchants} LIMIT 1")

    # The history is checked against its changes, too.
    with pytest.raises(ConservationError, match=r"silver.merchants: unique(?s:.*)merchants: completeness"):
        on_databricks(landed, "maintenance")
