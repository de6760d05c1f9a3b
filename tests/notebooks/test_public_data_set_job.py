"""The whole main job on the public data set that says least: no ids, customers, merchants or terminals, no dates.

Its notebooks run as on Databricks, on the server of all tests. How `lakehouse run` does the same work, with kernels and
a server of its own, test_main_job.py shows.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from as_databricks import run_job
from pyspark.sql import SparkSession

pytestmark = [pytest.mark.job, pytest.mark.long]  # test_as_on_databricks.py runs the job where all ids are there

DAYS, GENUINE, FRAUDS = 30, 40, 8
"""Payments a day. A model needs three weeks of labels that are there, and a week to be tested on."""


def layout() -> Iterator[str]:
    """Rows as ULB writes them; frauds are large payments at night, as the amount and the time are all there is."""
    yield ",".join(f'"{name}"' for name in ("Time", *(f"V{number}" for number in range(1, 29)), "Amount", "Class"))
    chance = random.Random(7)
    for day in range(DAYS):
        seconds = [(chance.randrange(86_400), False) for _ in range(GENUINE - 1)]
        seconds += [(chance.randrange(5 * 3600), True) for _ in range(FRAUDS)]
        seconds += [(86_399, False)]  # the day is whole
        for second, is_fraud in sorted(seconds):
            amount = chance.lognormvariate(6 if is_fraud else 3, 0.5)
            components = ",".join(f"{chance.gauss(0, 1):.4f}" for _ in range(28))
            yield f'{day * 86_400 + second},{components},{amount:.2f},"{int(is_fraud)}"'


@pytest.fixture(scope="module")
def tasks(schema_prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What the job's tasks ended with; one that fails fails them all."""
    landing = tmp_path_factory.mktemp("landing")
    folder = landing / "creditcard_ulb"
    folder.mkdir()
    (folder / "creditcard.csv").write_text("\n".join(layout()) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(tmp_path_factory.mktemp("creditcard_ulb")))
        patch.setenv("MPLBACKEND", "Agg")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        ended = run_job("lakehouse", source="creditcard_ulb", landing=str(landing), schema_prefix=schema_prefix)
        yield {task: one.result for task, one in ended.items()}


def test_all_tasks_succeed_though_there_are_no_keys_of_anything(tasks: dict[str, dict[str, Any]]) -> None:
    payments = DAYS * (GENUINE + FRAUDS)

    assert tasks["silver_transactions"]["rows_out"] == payments
    assert tasks["silver_fraud_reports"]["rows_out"] == DAYS * FRAUDS
    assert "no feed for customers" in tasks["silver_customers"]["note"]
    assert tasks["transaction_features"]["rows_out"] == payments
    assert tasks["score_transactions"]["rows_out"] == payments


def test_a_model_of_amount_and_time_alone_is_trained_promoted_and_finds_fraud(
    spark: SparkSession, schema_prefix: str, tasks: dict[str, dict[str, Any]]
) -> None:
    assert "version 1 is the champion now" in tasks["promote_fraud_model"]["note"]
    gold, silver = f"{schema_prefix}gold", f"{schema_prefix}silver"
    (found,) = spark.sql(
        "SELECT count(*) AS alerts, avg(if(f.transaction_id IS NULL, 0, 1)) AS precision, "
        "count_if(size(reasons) = 0) AS unexplained, count(customer_id) AS customers, "
        "count(s.features.customer_tx_count_1d) + count(s.features.terminal_tx_count_1d) AS features_of_keys, "
        f"(SELECT count(*) FROM {gold}.customer_spending) + (SELECT count(*) FROM {gold}.merchant_risk) "
        "AS marts_of_keys, "
        f"(SELECT sum(transactions) FROM {gold}.daily_fraud_summary) AS summed "
        f"FROM {gold}.fraud_transactions s LEFT JOIN {silver}.fraud_reports f ON s.transaction_id = f.transaction_id "
        "WHERE NOT is_backfill"
    ).collect()

    assert found["alerts"] > 0
    assert found["precision"] > 0.5
    assert {name: found[name] for name in ("unexplained", "customers", "features_of_keys", "marts_of_keys")} == {
        "unexplained": 0,
        "customers": 0,
        "features_of_keys": 0,
        "marts_of_keys": 0,
    }
    assert found["summed"] == DAYS * (GENUINE + FRAUDS)


def test_the_summary_has_the_figures_of_the_model(tasks: dict[str, dict[str, Any]]) -> None:
    figures = tasks["train_fraud_model"]["facts"]["model"]

    assert figures["average_precision"] > 0.5 > figures["average_precision_of_rules_alone"]
    assert tasks["promote_fraud_model"]["facts"]["champion"]["version"] == "1"
