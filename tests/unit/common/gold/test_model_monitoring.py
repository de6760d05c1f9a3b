"""gold.model_monitoring over small tables of features, scores and reports: each week measured once, and when due."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from gold_worlds import at
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.features import FEATURES
from common.contracts.gold import TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.monitoring import MODEL_MONITORING, PERFORMANCE
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS
from common.contracts.table import Table
from common.gold.model_monitoring import Monitoring, monitor
from common.ml.champion import Champion
from common.ml.metrics import evaluate
from common.ml.model_versions import retrain_due
from common.ml.monitoring.divergence import kolmogorov_smirnov
from common.ml.monitoring.histograms import count, edges_of
from common.ml.registry import Registry
from common.privacy.person import knows_people
from common.rules import RULES
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

MODEL_FEATURES = ("amount_eur", "customer_tx_count_7d", "terminal_fraud_rate_7d")
A_DAY = 100
TRAIN_END, LIVE, WHOLE = 28, 35, 56
"""Days: the end of training, the model's test_start (a Monday), and the end of the first data: three live weeks."""
BUDGET = 5


def payments(first: int, last: int, inflated: float = 1.0) -> pd.DataFrame:
    """Payments of days by number, 100 a day; every twelfth is a fraud, of a large amount."""
    numbers = np.arange(first * A_DAY, last * A_DAY)
    generator = np.random.default_rng(first)
    is_fraud = numbers % 12 == 0
    frame = pd.DataFrame(
        {
            "transaction_id": [f"P{number}" for number in numbers],
            "event_time": [at(number / A_DAY) for number in numbers],
            "event_date": [at(number / A_DAY).date() for number in numbers],
            "customer_id": [f"C{number % 97}" for number in numbers],
            "amount_eur": np.round(generator.gamma(2, 20, len(numbers)) * (1 + 2 * is_fraud), 2) * inflated,
            "customer_tx_count_7d": generator.poisson(9, len(numbers)).astype("int64"),
            "terminal_fraud_rate_7d": np.where(
                generator.random(len(numbers)) < 0.9, 0.0, generator.random(len(numbers))
            ),
            "is_fraud": is_fraud,
        }
    )
    # The last payment of the newest day makes it a whole one.
    frame.loc[frame.index[-1], "event_time"] = at(last) - timedelta(minutes=10)
    return frame


def champion() -> Champion:
    """A model for which large amounts are fraud."""
    learnt = payments(0, TRAIN_END)
    data = xgb.DMatrix(learnt[list(MODEL_FEATURES)], label=learnt["is_fraud"])
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic"}, data, num_boost_round=10)
    return Champion("", MODEL_FEATURES, 0.3, BUDGET, at(LIVE), bytes(booster.save_raw("ubj")))


@pytest.fixture(scope="module")
def registry(lake: Lake) -> Registry:
    """A registry with one version, the champion, which was trained on the first four weeks."""
    registry = Registry(lake.settings)
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        mlflow.log_params(
            {"test_fold.train_start": f"{at(0):%Y-%m-%d}", "test_fold.train_end": f"{at(TRAIN_END):%Y-%m-%d}"}
        )
        mlflow.log_metrics({"average_precision": 0.5, "recall": 0.4})
    registry.register(champion(), run.info.run_id, payments(0, 1)[list(MODEL_FEATURES)].head(2).astype("float64"))
    version = registry.newest()
    assert version is not None
    registry.decide(version, True, "the first")
    return registry


@pytest.fixture(scope="module")
def model(registry: Registry) -> Champion:
    version = registry.champion()
    assert version is not None
    return version.model


def scored(rows: pd.DataFrame, model: Champion) -> pd.DataFrame:
    inputs = xgb.DMatrix(rows[list(MODEL_FEATURES)].astype("float32"), feature_names=list(MODEL_FEATURES))
    return rows.assign(score=model.load().predict(inputs).astype("float64"))


def add(lake: Lake, rows: pd.DataFrame, model: Champion, version: str = "1") -> None:
    """Adds payments with their features, scores, and reports two days later."""
    lake.ensure(TRANSACTION_FEATURES, TRANSACTION_SCORES, FRAUD_REPORTS)
    base = lake.spark.createDataFrame(scored(rows, model))
    features = {column.name: _typed(base, column.name, column.type) for column in FEATURES}
    append(lake, base.withColumns(features), TRANSACTION_FEATURES)
    decided = {
        "features": F.struct(*(of.alias(name) for name, of in features.items())),
        "threshold": F.lit(model.threshold),
        "decision": F.when(F.col("score") > model.threshold, "fraud").otherwise("genuine"),
        "rules_hit": F.when(F.col("amount_eur") > 100, F.array(F.lit(RULES[0].name))).otherwise(F.array()),
        "model_version": F.lit(version),
        "is_backfill": F.col("event_time") < F.lit(model.test_start),
        "scored_at": F.current_timestamp(),
    }
    append(lake, base.withColumns(decided), TRANSACTION_SCORES)
    report(
        lake,
        base.where("is_fraud").select(
            "transaction_id", (F.col("event_time") + F.expr("INTERVAL 2 DAYS")).alias("reported_at")
        ),
    )


def report(lake: Lake, frauds: DataFrame) -> None:
    append(
        lake, frauds.withColumn("is_fraud", F.lit(True)).withColumn("accepted_at", F.current_timestamp()), FRAUD_REPORTS
    )


def append(lake: Lake, rows: DataFrame, table: Table) -> None:
    lake.append(rows.select(*(_typed(rows, c.name, c.type).alias(c.name) for c in table.columns)), table)


def _typed(rows: DataFrame, name: str, type_: str) -> "F.Column":  # type: ignore[name-defined]
    return (F.col(name) if name in rows.columns else F.lit(None)).cast(type_)


@pytest.fixture(scope="module")
def first(lake: Lake, registry: Registry, model: Champion) -> Monitoring:
    """What the first run measured, of eight weeks of payments."""
    add(lake, payments(0, WHOLE), model)
    return monitor(lake, registry)


def table(lake: Lake) -> pd.DataFrame:
    return lake.table(MODEL_MONITORING).toPandas().sort_values(list(MODEL_MONITORING.key), ignore_index=True)


def figures(lake: Lake, week: date, metric: str) -> "pd.DataFrame":
    rows = table(lake)
    return rows[(rows["period_start"] == week) & (rows["metric"] == metric)].set_index("subject")


def week(number: int) -> date:
    """The Monday of a live week by number."""
    return at(LIVE + 7 * number).date()


def test_each_live_week_that_is_over_is_measured_and_nothing_drifts(lake: Lake, first: Monitoring) -> None:
    rows = table(lake)

    assert (first.weeks, first.rows, first.retrain) == (3, 3 * 700, "")
    assert first.figures_written == len(rows)
    assert sorted(rows["period_start"].unique()) == [week(0), week(1), week(2)]
    assert set(rows.loc[rows["metric"] == "psi", "subject"]) == {*MODEL_FEATURES, "score"}
    assert not rows.loc[rows["metric"].isin(["psi", "ks", "null_share"]), "is_breached"].any()
    mature = rows.loc[rows["metric"].isin(PERFORMANCE), "period_start"]
    assert set(mature) == {week(0), week(1)}, "the newest week's labels are not known yet"


def test_drift_and_performance_are_those_of_an_oracle_in_pandas(lake: Lake, first: Monitoring, model: Champion) -> None:
    rows = scored(payments(0, WHOLE), model)
    trained, now = (
        rows[rows["event_date"].between(*days)] for days in ((at(0).date(), at(27).date()), (week(1), at(48).date()))
    )
    edges = {name: edges_of(trained[name]) for name in MODEL_FEATURES}
    of_week = figures(lake, week(1), "ks")

    for name, of in edges.items():
        before, after = (count(part[name].to_numpy(dtype="float64"), of)[:-1] for part in (trained, now))
        assert of_week.loc[name, "value"] == pytest.approx(kolmogorov_smirnov(before, after))
    assert figures(lake, week(1), "reference_rows").loc["model", "value"] == TRAIN_END * A_DAY
    oracle = evaluate(now.assign(card=now["customer_id"]), BUDGET)
    assert figures(lake, week(1), "average_precision").loc["model", "value"] == pytest.approx(oracle.average_precision)
    assert figures(lake, week(1), "recall").loc["model", "value"] == pytest.approx(oracle.recall)
    alerts = now["score"] > model.threshold
    assert figures(lake, week(1), "alert_rate").loc["model", "value"] == pytest.approx(alerts.mean())
    assert figures(lake, week(1), "rule_rate").loc[RULES[0].name, "value"] == pytest.approx(
        (now["amount_eur"] > 100).mean()
    )


def test_a_run_with_nothing_new_changes_nothing(lake: Lake, registry: Registry, first: Monitoring) -> None:
    before = lake.version(MODEL_MONITORING)

    again = monitor(lake, registry)

    assert (again.figures_written, lake.version(MODEL_MONITORING)) == (0, before)
    assert again.findings == first.findings


def test_a_late_label_changes_the_figures_of_its_week_alone(lake: Lake, registry: Registry, first: Monitoring) -> None:
    before = table(lake)
    late = (
        lake.table(TRANSACTION_SCORES)
        .where(F.col("event_date") == F.lit(week(0)))
        .where("CAST(substr(transaction_id, 2) AS INT) % 12 <> 0")
        .limit(5)
    )
    report(lake, late.select("transaction_id", F.lit(at(WHOLE)).alias("reported_at")))

    monitor(lake, registry)

    changed = before.compare(table(lake), keep_shape=False)
    assert len(before) == len(table(lake))
    rows = before.loc[changed.index]
    assert set(rows["period_start"]) == {week(0)}
    assert {"average_precision", "calibration_ratio"} <= set(rows["metric"]) <= set(PERFORMANCE)
    assert set(table(lake).loc[changed.index, "rows"] - rows["rows"]) == {5}


@dataclass(frozen=True)
class Later:
    """The run after two weeks of inflated amounts, and the table before it.

    A customer was erased meanwhile, and after both weeks came one of a version that the registry doesn't know.
    """

    run: Monitoring
    before: pd.DataFrame


@pytest.fixture(scope="module")
def later(lake: Lake, registry: Registry, model: Champion, first: Monitoring) -> Later:
    before = table(lake)
    for erased in (TRANSACTION_SCORES, TRANSACTION_FEATURES):
        lake.spark.sql(f"DELETE FROM {lake.full_name(erased)} WHERE customer_id = 'C5'")
    add(lake, payments(WHOLE, WHOLE + 14, inflated=2.5), model)
    add(lake, payments(WHOLE + 14, WHOLE + 21), model, version="9")
    return Later(monitor(lake, registry), before)


def test_no_row_names_a_person_and_an_erased_customer_breaks_nothing(lake: Lake, later: Later) -> None:
    rows = table(lake)
    earlier = rows[rows["period_start"] <= week(2)]

    assert not knows_people(MODEL_MONITORING)
    assert set(earlier["subject"]) == set(later.before["subject"])
    assert earlier["rows"].sum() < later.before["rows"].sum(), "the person's are left out"


def test_planted_drift_lasts_two_weeks_and_makes_a_new_model_due(lake: Lake, later: Later) -> None:
    assert "psi of amount_eur" in {f.check_name for f in later.run.findings if f.warns}
    for number in (3, 4):
        assert set(figures(lake, week(number), "psi").query("is_breached == True").index) == {"amount_eur", "score"}
    assert "sustained drift of amount_eur" in later.run.retrain
    assert f"since {week(3)}" in later.run.retrain
    assert retrain_due(lake.settings) == later.run.retrain
    recorded = lake.table(QUALITY_RESULTS).where("check_name = 'psi of amount_eur' AND severity = 'warning'")
    assert recorded.where("NOT passed").count() == 1


def test_a_week_of_a_version_that_nobody_knows_says_that_it_is_not_compared(lake: Lake, later: Later) -> None:
    unknown = figures(lake, week(5), "reference_rows").loc["model"]

    assert (unknown["model_version"], unknown["value"], unknown["is_breached"]) == ("9", 0, True)
    assert "that its MLflow run doesn't name" in unknown["note"]
    assert figures(lake, week(5), "psi").empty
    assert later.run.retrain, "the version in use is another one"


def test_rows_of_an_earlier_version_count_for_the_features_that_it_was_offered(
    lake: Lake, registry: Registry, model: Champion, later: Later
) -> None:
    """In the week in which a feature is added it is null in what the version before scored."""
    known = list(MODEL_FEATURES[:2])
    learnt = payments(0, TRAIN_END)
    earlier = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(learnt[known], label=learnt["is_fraud"]), 1)
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        pass
    without = replace(model, features=tuple(known), booster=bytes(earlier.save_raw("ubj")))
    assert registry.register(without, run.info.run_id, learnt[known].head(2).astype("float64")) == "2"
    rows = payments(WHOLE + 21, WHOLE + 28)
    add(lake, rows.iloc[:150].assign(terminal_fraud_rate_7d=np.nan), model, version="2")
    add(lake, rows.iloc[150:], model)

    monitor(lake, registry)

    nulls, drifts = figures(lake, week(6), "null_share"), figures(lake, week(6), "psi")
    assert nulls["rows"].to_dict() == dict(zip(MODEL_FEATURES, (700, 700, 550), strict=True))
    assert nulls.loc["terminal_fraud_rate_7d", "value"] == 0
    assert drifts.loc["score", "rows"] == 550
    assert not drifts["is_breached"].any()
