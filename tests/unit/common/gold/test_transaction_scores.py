"""The scoring stream over a small silver: every transaction once, whatever happens in between."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from gold_worlds import at
from pyspark.sql import functions as F
from scoring_models import FIRST_LIVE, a_challenger, a_champion, scored_by

from common.contracts.ddl import schema_of
from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS, TRANSACTION_FEATURES, TRANSACTION_SCORES
from common.contracts.ops import QUALITY_RESULTS
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.contracts.table import Table
from common.errors import CheckpointError, ModelError
from common.gold.transaction_features import build_features
from common.gold.transaction_scores import _batch_step, score_new
from common.ml.champion import Champion
from common.ml.model_versions import ALIAS, CHALLENGER
from common.ml.models_in_use import ModelsInUse
from common.ml.registry import Registry
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark

PAYMENTS = 40


def register(registry: Registry, model: Champion, alias: str) -> str:
    """Registers a model, with that alias alone; its version."""
    with mlflow.start_run(experiment_id=registry.experiment_id) as run:
        pass
    example = pd.DataFrame([[1.0] * len(model.features)], columns=list(model.features))
    version = registry.register(model, run.info.run_id, example)
    client = mlflow.MlflowClient()
    client.delete_registered_model_alias(registry.model, CHALLENGER)
    client.set_registered_model_alias(registry.model, alias, version)
    return version


def add_payments(lake: Lake, first: int, last: int, who: str = "1") -> None:
    """One payment a day: amounts of 10 and 90 euro in turns, the last one of 40,000 online."""
    rows = []
    for number in range(first, last):
        amount = 40_000 if number == PAYMENTS - 1 else 90 if number % 2 else 10
        values = {
            "transaction_id": f"P{number}",
            "event_time": at(number + 0.5),
            "event_date": at(number).date(),
            "customer_id": f"C{who}",
            "merchant_id": "M1",
            "terminal_id": f"T{who}",
            "channel": "online",
            "country": "DE",
            "record_id": str(number),
        }
        rows.append((*(values.get(name) for name in TRANSACTIONS.column_names), amount))
    frame = lake.spark.createDataFrame(rows, f"{schema_of(TRANSACTIONS)}, euro int")
    lake.append(frame.withColumn("amount_eur", F.col("euro").cast("decimal(18,2)")), TRANSACTIONS)


def report_fraud(lake: Lake, number: int, reported_on: int) -> None:
    values = {"transaction_id": f"P{number}", "is_fraud": True, "reported_at": at(reported_on + 0.5), "record_id": "r"}
    row = tuple(values.get(name) for name in FRAUD_REPORTS.column_names)
    lake.append(lake.spark.createDataFrame([row], schema_of(FRAUD_REPORTS)), FRAUD_REPORTS)


def by_id(lake: Lake, table: Table, numbers: Iterable[int]) -> dict[str, dict[str, Any]]:
    """The rows of these payments with all their columns."""
    rows = lake.table(table).where(F.col("transaction_id").isin([f"P{number}" for number in numbers])).collect()
    return {row["transaction_id"]: row.asDict(recursive=True) for row in rows}


def scores(lake: Lake) -> pd.DataFrame:
    frame = lake.table(TRANSACTION_SCORES).toPandas()
    frame["number"] = frame["transaction_id"].str[1:].astype(int)
    return frame.sort_values("number").set_index("number")


@pytest.fixture(scope="module")
def scored(lake: Lake) -> Lake:
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, MERCHANT.history)
    version = ("M1", "Shop", "5411", "DE", "low", True, False, at(30), None, True, "x")
    lake.append(lake.spark.createDataFrame([version], schema_of(MERCHANT.history)), MERCHANT.history)
    add_payments(lake, 0, PAYMENTS)
    assert score_new(lake, a_champion()).rows_out == PAYMENTS
    return lake


def test_every_transaction_is_scored_and_the_two_outputs_share_them(scored: Lake) -> None:
    fraud, genuine = (scored.table(view.name).count() for view in (FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS))

    assert len(scores(scored)) == PAYMENTS
    assert fraud + genuine == PAYMENTS
    assert fraud == PAYMENTS // 2


def test_backfill_is_scored_but_has_no_reasons_and_alerts_have(scored: Lake) -> None:
    found = scores(scored)

    assert list(found.index[found["is_backfill"]]) == list(range(FIRST_LIVE))
    assert not any(len(reasons) for reasons in found.loc[found["is_backfill"], "reasons"])
    alerts = found[(found["decision"] == "fraud") & ~found["is_backfill"]]
    assert all(len(reasons) for reasons in alerts["reasons"])
    assert any("the amount is 90.00 euro" in reason for reason in alerts.loc[21, "reasons"])
    assert set(found["model_version"]) == {"3"}


def test_rules_see_the_merchant_as_it_was_and_a_blocking_one_decides(scored: Lake) -> None:
    found = scores(scored)

    assert "watchlisted_merchant" not in found.loc[29, "rules_hit"]
    assert "watchlisted_merchant" in found.loc[30, "rules_hit"]
    assert found.loc[30, "decision"] == "genuine"  # that rule asks for a look, it does not block
    assert "large_online_amount" in found.loc[PAYMENTS - 1, "rules_hit"]


def test_a_batch_that_was_killed_before_the_stream_noted_it_is_not_doubled(scored: Lake) -> None:
    before = scores(scored)
    commits = Path(scored.settings.checkpoint("gold", "transaction_scores")) / "commits"
    for noted in commits.iterdir():
        noted.unlink()

    assert score_new(scored, a_champion()).rows_out == 0

    after = scores(scored)
    assert list(after["scored_at"]) == list(before["scored_at"])


def test_what_comes_later_is_added(scored: Lake) -> None:
    add_payments(scored, PAYMENTS, PAYMENTS + 3)

    assert score_new(scored, a_champion()).rows_out == 3
    assert score_new(scored, a_champion()).rows_out == 0
    assert scores(scored)["event_time"].iloc[-1] - scores(scored)["event_time"].iloc[0] == timedelta(days=PAYMENTS + 2)


def test_an_id_that_comes_on_two_dates_in_one_batch_is_scored_once_on_each(scored: Lake) -> None:
    both = scored.table(TRANSACTIONS).where("transaction_id IN ('P1', 'P2')")
    later = both.withColumn("transaction_id", F.lit("P900")).withColumn("customer_id", F.lit("C9"))
    shifted = later.withColumn("event_date", F.expr("date_add(event_date, 800)"))
    scored_later = shifted.withColumn("event_time", F.expr("event_time + INTERVAL 800 DAYS"))
    scored.append(scored_later, TRANSACTIONS)

    assert score_new(scored, a_champion()).rows_out == 2
    rows = scored.table(TRANSACTION_SCORES).where("transaction_id = 'P900'").collect()
    assert len({row["event_date"] for row in rows}) == len(rows) == 2
    amounts = scored.table(TRANSACTION_SCORES).where("transaction_id IN ('P1', 'P2')").select("amount_eur").collect()
    assert {row["amount_eur"] for row in rows} == {row["amount_eur"] for row in amounts}
    scored.spark.sql(f"DELETE FROM {scored.full_name(TRANSACTION_SCORES)} WHERE transaction_id = 'P900'")


def test_without_a_champion_nothing_is_scored(scored: Lake) -> None:
    assert score_new(scored, "not enough labels: 3 frauds").rows_out == 0


def test_a_model_of_other_features_is_refused_with_the_difference(scored: Lake) -> None:
    with pytest.raises(ModelError, match="shoe_size"):
        score_new(scored, a_champion((*FEATURE_NAMES[:-1], "shoe_size")))


def test_decisions_stay_as_made_with_the_features_they_were_made_on_when_something_late_changes_those(
    scored: Lake,
) -> None:
    in_time = (200, 201, *range(203, 211))
    add_payments(scored, 200, 202, who="2")
    add_payments(scored, 203, 211, who="2")
    build_features(scored)
    assert score_new(scored, a_champion()).rows_out == len(in_time)
    features, decisions = (by_id(scored, table, in_time) for table in (TRANSACTION_FEATURES, TRANSACTION_SCORES))

    add_payments(scored, 202, 203, who="2")
    report_fraud(scored, 200, reported_on=206)  # known at the terminal seven days after the payment
    build_features(scored)
    assert score_new(scored, a_champion()).rows_out == 1

    mended = by_id(scored, TRANSACTION_FEATURES, in_time)
    assert mended["P203"]["customer_tx_count_7d"] == features["P203"]["customer_tx_count_7d"] + 1
    assert (features["P209"]["terminal_fraud_rate_7d"], features["P201"]) == (0, mended["P201"])
    assert mended["P209"]["terminal_fraud_rate_7d"] > 0
    assert by_id(scored, TRANSACTION_SCORES, in_time) == decisions
    assert {id_: row["features"] for id_, row in decisions.items()} == {
        id_: {name: row[name] for name in FEATURE_NAMES} for id_, row in features.items()
    }


@pytest.mark.long  # test_late_rows.py has features in any order of arrival, test_running_scores.py late scores
def test_a_clock_that_goes_backwards_from_delivery_to_delivery_ends_in_the_features_and_scores_of_order(
    scored: Lake,
) -> None:
    """Of two customers who pay alike, four weeks apart, one's payments come in order, and the other's newest first."""
    in_order, backwards, days, delivered = 400, 428, 24, 8
    for first in (in_order, backwards):
        report_fraud(scored, first + 2, reported_on=first + 6)
    for done in range(0, days, delivered):
        add_payments(scored, in_order + done, in_order + done + delivered, who="4")
        add_payments(scored, backwards + days - done - delivered, backwards + days - done, who="5")
        build_features(scored)
    assert score_new(scored, a_champion()).rows_out == 2 * days

    for table in (TRANSACTION_FEATURES, TRANSACTION_SCORES):
        one, other = (by_id(scored, table, range(first, first + days)) for first in (in_order, backwards))
        for day in range(days):
            assert shared(one[f"P{in_order + day}"]) == shared(other[f"P{backwards + day}"]), (table.name, day)
    seen = other[f"P{backwards + days - 1}"]["features"]
    assert seen["customer_tx_count_30d"] == days
    assert seen["terminal_fraud_rate_30d"] > 0


def shared(row: dict[str, Any]) -> dict[str, Any]:
    """What a row has in common with that of another customer at another time."""
    own = ("transaction_id", "event_time", "event_date", "customer_id", "terminal_id", "scored_at")
    return {name: value for name, value in row.items() if name not in own}


def test_a_stream_whose_registry_has_no_champion_scores_on_and_warns_once(scored: Lake) -> None:
    add_payments(scored, 300, 302, who="3")
    batch = scored.table(TRANSACTIONS).where("transaction_id IN ('P300', 'P301')")
    step = _batch_step(ModelsInUse(a_champion()), asks_again=True)
    for number in (1, 2):
        step(scored, batch, Once("test", number))

    assert len(by_id(scored, TRANSACTION_SCORES, (300, 301))) == 2
    (warning,) = scored.table(QUALITY_RESULTS).where("check_name = 'champion_in_use'").collect()
    assert (warning["passed"], warning["severity"]) == (False, "warning")
    assert warning["details"] == "no version has the alias champion; scoring goes on with version 3"


def test_a_challenger_changes_no_decision(scored: Lake) -> None:
    payments = scored.table(TRANSACTIONS).where(f"event_time < '{at(PAYMENTS):%Y-%m-%d}'")
    beside = scored_by(scored, payments, a_champion(), a_challenger()).toPandas().set_index("transaction_id")
    alone = scored.table(TRANSACTION_SCORES).toPandas().set_index("transaction_id").loc[beside.index]

    assert len(beside) == PAYMENTS
    own = ["scored_at", "challenger_version", "challenger_score"]
    pd.testing.assert_frame_equal(beside.drop(columns=own), alone.drop(columns=own))
    assert alone["challenger_version"].isna().all()
    assert alone["challenger_score"].isna().all()
    assert set(beside["challenger_version"]) == {"4"}
    small = beside["amount_eur"].astype(float) < 50
    assert ((beside["challenger_score"] > 0.2) == small).all(), "it would decide otherwise"


def test_a_stream_takes_challengers_as_they_come_break_are_promoted_and_go(scored: Lake) -> None:
    registry = Registry(scored.settings)
    in_use = ModelsInUse(replace(a_champion(), version=register(registry, a_champion(), ALIAS)))
    step, client = _batch_step(in_use, asks_again=True), mlflow.MlflowClient()

    def batch(number: int) -> tuple[str, str | None, bool]:
        """Scores a payment: by which version, beside which, and whether there is a score of that."""
        add_payments(scored, number, number + 1, who="6")
        step(scored, scored.table(TRANSACTIONS).where(f"transaction_id = 'P{number}'"), Once("shadow", number))
        (row,) = by_id(scored, TRANSACTION_SCORES, [number]).values()
        return row["model_version"], row["challenger_version"], row["challenger_score"] is not None

    register(registry, replace(a_challenger(), features=("shoe_size",)), CHALLENGER)
    assert batch(600) == ("1", None, False)
    register(registry, a_challenger(), CHALLENGER)
    assert batch(601) == ("1", "3", True)
    client.set_registered_model_alias(registry.model, ALIAS, "3")
    client.delete_registered_model_alias(registry.model, CHALLENGER)
    assert batch(602) == ("3", None, False)

    found = scored.table(QUALITY_RESULTS).where("check_name = 'challenger_in_use'").orderBy("checked_at").collect()
    assert [(row["passed"], row["severity"]) for row in found] == [(False, "warning"), (True, "warning")]
    assert "challenger version 2 can't be used" in found[0]["details"]
    assert "shoe_size" in found[0]["details"]
    assert found[1]["details"] == "version 3 scores"


def test_what_is_scored_to_the_end_has_the_challenger_of_its_beginning_and_a_broken_one_is_a_warning(
    scored: Lake,
) -> None:
    registry = Registry(scored.settings)
    champion = registry.champion()
    assert champion is not None
    version = register(registry, a_challenger(), CHALLENGER)
    add_payments(scored, 700, 710, who="7")
    assert score_new(scored, champion.model).rows_out >= 10
    assert {row["challenger_version"] for row in by_id(scored, TRANSACTION_SCORES, range(700, 710)).values()} == {
        version
    }

    before = scored.table(QUALITY_RESULTS).where("check_name = 'challenger_in_use'").count()
    register(registry, replace(a_challenger(), features=("shoe_size",)), CHALLENGER)
    assert score_new(scored, champion.model).rows_out == 0
    assert scored.table(QUALITY_RESULTS).where("check_name = 'challenger_in_use'").count() == before + 1
    mlflow.MlflowClient().delete_registered_model_alias(registry.model, CHALLENGER)


def test_scores_that_are_gone_are_not_begun_in_the_middle(scored: Lake) -> None:
    scored.spark.sql(f"DROP TABLE {scored.full_name(TRANSACTION_SCORES)}")

    with pytest.raises(CheckpointError, match="lakehouse reset gold/transaction_scores"):
        score_new(scored, a_champion())

    assert not scored.exists(TRANSACTION_SCORES)
