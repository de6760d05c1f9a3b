"""The scoring stream over a small silver: every transaction once, whatever happens in between."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from ml_builders import day
from pyspark.sql import functions as F

from common.contracts.ddl import schema_of
from common.contracts.gold import FEATURE_NAMES, FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.errors import ModelError
from common.ml.champion import Champion
from common.ml.score_stream import score_new
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

PAYMENTS = 40
FIRST_LIVE = 20
"""Payments from this one on happened since the model's T."""


def a_champion(features: tuple[str, ...] = FEATURE_NAMES) -> Champion:
    """A model for which a large amount is fraud."""
    inputs = pd.DataFrame(np.random.default_rng(1).uniform(0, 100, (400, len(features))), columns=list(features))
    data = xgb.DMatrix(inputs.to_numpy(), label=inputs[features[0]] > 50, feature_names=list(features))
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic"}, data, num_boost_round=10)
    return Champion("3", features, 0.5, 10, day(FIRST_LIVE, hour=0), bytes(booster.save_raw("ubj")))


def add_payments(lake: Lake, first: int, last: int) -> None:
    """One payment a day: amounts of 10 and 90 euro in turns, the last one of 40,000 online."""
    rows = []
    for number in range(first, last):
        amount = 40_000 if number == PAYMENTS - 1 else 90 if number % 2 else 10
        values = {
            "transaction_id": f"P{number}",
            "event_time": day(number),
            "event_date": day(number).date(),
            "customer_id": "C1",
            "merchant_id": "M1",
            "terminal_id": "T1",
            "channel": "online",
            "country": "DE",
            "record_id": str(number),
        }
        rows.append((*(values.get(name) for name in TRANSACTIONS.column_names), amount))
    frame = lake.spark.createDataFrame(rows, f"{schema_of(TRANSACTIONS)}, euro int")
    lake.append(frame.withColumn("amount_eur", F.col("euro").cast("decimal(18,2)")), TRANSACTIONS)


def scores(lake: Lake) -> pd.DataFrame:
    frame = lake.table(TRANSACTION_SCORES).toPandas()
    frame["number"] = frame["transaction_id"].str[1:].astype(int)
    return frame.sort_values("number").set_index("number")


@pytest.fixture(scope="module")
def scored(lake: Lake) -> Lake:
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, MERCHANT.history)
    version = ("M1", "Shop", "5411", "DE", "low", True, False, day(30, hour=0), None, True, "x")
    lake.append(lake.spark.createDataFrame([version], schema_of(MERCHANT.history)), MERCHANT.history)
    add_payments(lake, 0, PAYMENTS)
    assert score_new(lake, a_champion()) == PAYMENTS
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
    assert any("amount_eur 90.00" in reason for reason in alerts.loc[21, "reasons"])
    assert set(found["model_version"]) == {"3"}


def test_rules_see_the_merchant_as_it_was_and_a_blocking_one_decides(scored: Lake) -> None:
    found = scores(scored)

    assert "watchlisted_merchant" not in found.loc[29, "rules_hit"]
    assert "watchlisted_merchant" in found.loc[30, "rules_hit"]
    assert found.loc[30, "decision"] == "genuine"  # that rule asks for a look, it does not block
    assert "large_online_amount" in found.loc[PAYMENTS - 1, "rules_hit"]


def test_a_batch_that_was_killed_before_the_stream_noted_it_is_not_doubled(scored: Lake) -> None:
    before = scores(scored)
    commits = Path(scored.settings.checkpoint("ml", "transaction_scores")) / "commits"
    for noted in commits.iterdir():
        noted.unlink()

    assert score_new(scored, a_champion()) == 0

    after = scores(scored)
    assert list(after["scored_at"]) == list(before["scored_at"])


def test_what_comes_later_is_added(scored: Lake) -> None:
    add_payments(scored, PAYMENTS, PAYMENTS + 3)

    assert score_new(scored, a_champion()) == 3
    assert score_new(scored, a_champion()) == 0
    assert scores(scored)["event_time"].iloc[-1] - scores(scored)["event_time"].iloc[0] == timedelta(days=PAYMENTS + 2)


def test_without_a_champion_nothing_is_scored(scored: Lake) -> None:
    assert score_new(scored, "not enough labels: 3 frauds") == 0


def test_a_model_of_other_features_is_refused_with_the_difference(scored: Lake) -> None:
    with pytest.raises(ModelError, match="shoe_size"):
        score_new(scored, a_champion((*FEATURE_NAMES[:-1], "shoe_size")))
