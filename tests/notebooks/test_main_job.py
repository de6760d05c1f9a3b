"""The whole main job, as a person runs it: on a slice of the handbook's transactions, which nobody here made."""

import json
from collections.abc import Collection, Iterable, Iterator

import nbformat
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from job_workspace import Workspace

from common.checks.tables import checking
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.monitoring import MODEL_MONITORING
from common.contracts.ops import UNMAPPED_FIELDS
from common.contracts.silver import CUSTOMER, FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.features.labels import LABELLED_BY
from common.gold import marts, model_monitoring, star_schema, transaction_features, transaction_scores
from common.gold.marts import MARTS
from common.gold.star_schema import STAR
from common.ml.promotion_steps import PROMOTION
from common.ml.training_steps import TRAINING
from common.settings import repository
from common.silver.refine import refinement
from common.sources.declaration import load_source
from local.docs.lineage import Lineage, differences, documented_lineage, lineage_of, undocumented

HANDBOOK = repository() / "../shared/data/handbook"
pytestmark = [
    pytest.mark.job,
    pytest.mark.skipif(not any(HANDBOOK.glob("*.parquet")), reason=f"the handbook's data are not in {HANDBOOK}"),
]

TERMINALS = 500
"""Every transaction of the first terminals: their windows are whole, and with them the features."""

CANARY = "canary-9c1f7e"

ALIKE = (
    "transaction_features",
    "train_fraud_model",
    "promote_fraud_model",
    "score_transactions",
)
"""Tasks that do the same work whatever the source."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    home = tmp_path_factory.mktemp("handbook")
    folder = home / "landing" / "handbook"
    folder.mkdir(parents=True)
    for file in sorted(HANDBOOK.glob("*.parquet")):
        rows = ds.dataset(file).to_table(filter=pc.field("TERMINAL_ID") < TERMINALS)
        pq.write_table(rows, folder / file.name)
    workspace = Workspace(home, source="handbook", landing=str(home / "landing"), train_days="90")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_SECRET_CANARY", CANARY)
        workspace("up")
        yield workspace
        workspace("down")


def landed(workspace: Workspace) -> tuple[int, int]:
    """Transactions and frauds in the landing folder."""
    table = ds.dataset(workspace.home / "landing" / "handbook").to_table(columns=["TX_FRAUD"])
    return table.num_rows, int(pc.sum(table["TX_FRAUD"]).as_py())


def test_real_transactions_go_from_files_to_scores(workspace: Workspace) -> None:
    transactions, frauds = landed(workspace)

    tasks = workspace.run()

    assert {task["state"] for task in tasks.values()} == {"SUCCESS"}
    assert "no feed for customers" in tasks["silver_customers"]["note"]
    assert tasks["score_transactions"]["rows_out"] == transactions
    counts = workspace.rows(
        "SELECT (SELECT count(*) FROM silver.transactions) AS transactions, "
        "(SELECT count(*) FROM silver.fraud_reports) AS reports, "
        "(SELECT count(DISTINCT transaction_id) FROM gold.transaction_features) AS features, "
        "(SELECT count(*) FROM gold.fraud_transactions) + (SELECT count(*) FROM gold.genuine_transactions) AS scores, "
        "(SELECT count(*) FROM gold.fact_transaction) AS facts, "
        "(SELECT count(*) FROM silver.quarantine) AS quarantined"
    )
    assert counts == [
        {
            "transactions": transactions,
            "reports": frauds,
            "features": transactions,
            "scores": transactions,
            "facts": transactions,
            "quarantined": 0,
        }
    ]


def test_what_was_run_with_a_secret_in_reach_holds_it_nowhere(workspace: Workspace) -> None:
    searched = [file for file in workspace.home.rglob("*") if file.is_file()]

    assert {f"{task}.ipynb" for task in ALIKE} < {file.name for file in searched}
    assert [str(file) for file in searched if CANARY.encode() in file.read_bytes()] == []


def test_executed_notebooks_stay_below_the_limits_of_outputs(workspace: Workspace) -> None:
    # Databricks keeps 20 MB of a notebook task's outputs, and shows no cell's above 10 MB.
    for file in (workspace.home / "runs").rglob("*.ipynb"):
        for cell in nbformat.read(file, as_version=4).cells:
            assert len(json.dumps(cell.get("outputs", []))) < 2_000_000, file.name
        assert file.stat().st_size < 5_000_000


def test_the_documented_lineage_is_what_the_job_reads_and_writes(workspace: Workspace) -> None:
    # The first run: later ones have less to do.
    found = lineage_of(min((workspace.home / "runs").glob("*T*-*")))

    assert found
    documented = documented_lineage()
    assert not_of_the_source(differences(only(found, ALIKE), only(documented, ALIKE))) == []
    # Which feed makes a table, and which of its fields are new, is the source's own; the page is of another source.
    assert not_of_the_source(undocumented(found, documented)) == []


def test_steps_declare_all_that_their_tasks_read_and_write(workspace: Workspace) -> None:
    """What a step leaves out, a task that is up to date would not notice."""
    found = lineage_of(min((workspace.home / "runs").glob("*T*-*")))
    source = load_source(repository() / "sources", "handbook")
    steps = {
        "silver_transactions": refinement(source, "transactions"),
        "silver_fraud_reports": refinement(source, "fraud_reports"),
        "star_schema": star_schema.STEP,
        "transaction_features": transaction_features.STEP,
        "train_fraud_model": TRAINING,
        "promote_fraud_model": PROMOTION,
        "score_transactions": transaction_scores.STEP,
        "marts": marts.STEP,
        "monitor_model": model_monitoring.STEP,
        "check_quality": checking(source.feeds, unread={}),
    }
    for task, step in steps.items():
        declared = {*step.reads, *step.writes, *step.shares, *ONLY_FOR_NEW_ROWS.get(task, ())}
        assert found[task].reads - declared == set(), task
        assert found[task].writes - {*step.writes, *step.shares} == set(), task


ONLY_FOR_NEW_ROWS = {
    "silver_transactions": {CUSTOMER.history.name},
    "score_transactions": {*(table.name for table in LABELLED_BY), MERCHANT.history.name},
    "check_quality": {UNMAPPED_FIELDS.name},
}
"""Tables that a task reads for rows that are new elsewhere, and that alone make nothing new."""


def only(lineage: Lineage, tasks: Collection[str]) -> Lineage:
    return {task: accesses for task, accesses in lineage.items() if task in tasks}


def not_of_the_source(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if " bronze." not in line and " ops." not in line]


def test_the_model_finds_more_fraud_than_chance(workspace: Workspace) -> None:
    found = workspace.rows(
        "SELECT avg(if(f.transaction_id IS NULL, 0, 1)) AS precision, "
        "(SELECT count(*) FROM silver.fraud_reports) / (SELECT count(*) FROM silver.transactions) AS base_rate, "
        "count(*) AS alerts, min(model_version) AS version, count_if(size(reasons) = 0) AS unexplained "
        "FROM gold.fraud_transactions s LEFT JOIN silver.fraud_reports f ON s.transaction_id = f.transaction_id "
        "WHERE NOT is_backfill"
    )[0]

    assert found["alerts"] > 0
    assert found["version"] == "1"
    assert found["unexplained"] == 0
    assert found["precision"] > 5 * found["base_rate"]


def test_scores_keep_the_features_that_training_reads(workspace: Workspace) -> None:
    """Stream and batch: what the scorer saw is what the feature table holds, to the last bit."""
    different = workspace.rows(
        "SELECT count(*) AS rows FROM gold.transaction_scores s "
        "JOIN gold.transaction_features f USING (transaction_id) "
        "WHERE NOT (s.features.customer_amount_mean_30d <=> f.customer_amount_mean_30d "
        "AND s.features.terminal_fraud_rate_7d <=> f.terminal_fraud_rate_7d "
        "AND s.features.customer_tx_count_1d <=> f.customer_tx_count_1d)"
    )

    assert different == [{"rows": 0}]


def test_a_second_run_with_nothing_new_is_up_to_date_and_needs_no_engine(workspace: Workspace) -> None:
    workspace("down")
    tasks = workspace.run()

    assert {task["state"] for task in tasks.values()} == {"SUCCESS"}
    assert {key for key, task in tasks.items() if not task["up_to_date"]} == set()
    assert tasks["check_quality"]["facts"].keys() >= {"warnings"}, "what was found still holds"
    (engine,) = [row for row in json.loads(workspace("status", "--format", "json")) if row["kind"] == "engine"]
    assert engine["state"] == "stopped"


@pytest.mark.long  # test_last_success.py shows it of steps
def test_a_table_that_was_changed_by_hand_is_looked_at_again(workspace: Workspace) -> None:
    workspace("up")
    with_comment = f"ALTER TABLE {MARTS[0].name} SET TBLPROPERTIES ('lakehouse.note' = 'by hand')"
    workspace("sql", "--engine", "spark", with_comment)
    tasks = workspace.run()

    assert {key for key, task in tasks.items() if not task["up_to_date"]} == {"marts", "publish", "check_quality"}


@pytest.mark.long  # each step has a test that it changes nothing when it is run again
def test_a_forced_run_with_nothing_new_changes_nothing(workspace: Workspace) -> None:
    written = (
        TRANSACTIONS,
        FRAUD_REPORTS,
        TRANSACTION_FEATURES,
        TRANSACTION_SCORES,
        *STAR,
        *MARTS,
        MODEL_MONITORING,
    )

    def versions() -> dict[str, int]:
        logs = {table.name: workspace.home / "warehouse" / f"{table.schema}.db" / table.short_name for table in written}
        return {name: len(list((folder / "_delta_log").glob("*.json"))) for name, folder in logs.items()}

    before = versions()
    assert all(before.values())
    tasks = workspace.run("--force")

    assert versions() == before
    assert tasks["bronze_feeds"]["rows_out"] == 0
    assert tasks["score_transactions"]["rows_out"] == 0
    assert {task["state"] for task in tasks.values()} == {"SUCCESS"}
    assert not any(task["up_to_date"] for task in tasks.values())


def test_another_world_is_refused_with_the_way_out(workspace: Workspace) -> None:
    output = workspace("run", "lakehouse", "--only", "bronze_feeds", status=1)

    assert "has data of the source 'handbook'" in output
    assert "LAKEHOUSE_HOME=" in output
