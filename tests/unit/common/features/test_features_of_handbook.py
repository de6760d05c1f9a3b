"""With every report on time the features are the Handbook's: its own pandas code, on a slice of its own data."""

import os
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from common.features.customers import PLACES
from common.features.transactions import transaction_features

pytestmark = pytest.mark.spark

REPOSITORY = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("HANDBOOK_DATA") or REPOSITORY / "../shared/data/handbook").resolve()
ENTITIES = 40
"""Customers and terminals compared, each with all of its transactions."""


@pytest.fixture(scope="module")
def handbook() -> pd.DataFrame:
    """All transactions of some customers, and all those at some terminals."""
    files = sorted(DATA.glob("*.parquet"))
    if not files:
        pytest.skip(f"the handbook's data are not in {DATA}; set HANDBOOK_DATA to the folder that holds them")
    columns = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]
    parts = [pd.read_parquet(file, columns=columns) for file in files]
    rows = pd.concat(parts).sort_values(["TX_DATETIME", "TRANSACTION_ID"], ignore_index=True)
    # Terminals that have frauds, so that there is something to compare.
    frauds_by_terminal = rows.groupby("TERMINAL_ID")["TX_FRAUD"].sum().sort_values(kind="stable")
    terminals = frauds_by_terminal.index[-ENTITIES:]
    return rows[(rows["CUSTOMER_ID"] < ENTITIES) | rows["TERMINAL_ID"].isin(terminals)].assign(
        is_chosen_terminal=rows["TERMINAL_ID"].isin(terminals)
    )


def customer_features(rows: pd.DataFrame) -> pd.DataFrame:
    """`get_customer_spending_behaviour_features` of the Handbook's chapter 3."""
    amounts = rows.set_index("TX_DATETIME")["TX_AMOUNT"]
    result = {}
    for days in (1, 7, 30):
        rolling = amounts.rolling(f"{days}d")
        result[f"customer_tx_count_{days}d"] = rolling.count().to_numpy()
        result[f"customer_amount_mean_{days}d"] = (rolling.sum() / rolling.count()).to_numpy()
    return pd.DataFrame(result, index=rows["TRANSACTION_ID"])


def terminal_features(rows: pd.DataFrame) -> pd.DataFrame:
    """`get_count_risk_rolling_window` of the Handbook's chapter 3, with its delay of 7 days."""
    frauds = rows.set_index("TX_DATETIME")["TX_FRAUD"]
    in_delay = frauds.rolling("7d")
    result = {}
    for days in (1, 7, 30):
        longer = frauds.rolling(f"{7 + days}d")
        counts = (longer.count() - in_delay.count()).to_numpy()
        fraud_counts = (longer.sum() - in_delay.sum()).to_numpy().round()
        result[f"terminal_tx_count_{days}d"] = counts
        rates = pd.Series(fraud_counts / counts.clip(min=1)).where(counts > 0, 0.0)
        result[f"terminal_fraud_rate_{days}d"] = rates.to_numpy()
    return pd.DataFrame(result, index=rows["TRANSACTION_ID"])


@pytest.fixture(scope="module")
def computed(spark: SparkSession, handbook: pd.DataFrame) -> pd.DataFrame:
    """Our features of the slice, by the Handbook's TRANSACTION_ID."""
    frame = pd.DataFrame(
        {
            # Ids of one length sort as the Handbook's numbers do.
            "transaction_id": handbook["TRANSACTION_ID"].map("{:09}".format),
            "event_time": handbook["TX_DATETIME"].dt.tz_localize("UTC").astype("datetime64[us, UTC]"),
            "customer_id": handbook["CUSTOMER_ID"].astype(str),
            "terminal_id": handbook["TERMINAL_ID"].astype(str),
            "amount_eur": handbook["TX_AMOUNT"],
            "is_fraud": handbook["TX_FRAUD"] == 1,
        }
    )
    rows = spark.createDataFrame(frame).selectExpr(
        "transaction_id",
        "event_time",
        "CAST(event_time AS DATE) AS event_date",
        "customer_id",
        "CAST(NULL AS STRING) AS account_id",
        "terminal_id",
        "CAST(amount_eur AS DECIMAL(18,2)) AS amount_eur",
        *(f"CAST(NULL AS STRING) AS {column}" for column in PLACES),
        "is_fraud",
    )
    reports = rows.where("is_fraud").selectExpr(
        "transaction_id", "is_fraud", "event_time + INTERVAL 7 DAYS AS reported_at"
    )
    result = transaction_features(rows, rows, reports).toPandas()
    return result.set_index(result["transaction_id"].astype(int)).sort_index()


def compare(computed: pd.DataFrame, wanted: pd.DataFrame) -> None:
    wanted = wanted.sort_index()
    found = computed.loc[wanted.index, list(wanted.columns)].astype(float)
    pd.testing.assert_frame_equal(found, wanted, check_names=False, rtol=0, atol=1e-6)


def test_customers_equal_pandas_rolling(computed: pd.DataFrame, handbook: pd.DataFrame) -> None:
    chosen = handbook[handbook["CUSTOMER_ID"] < ENTITIES]
    wanted = pd.concat(customer_features(rows) for _, rows in chosen.groupby("CUSTOMER_ID"))
    assert len(wanted) > 5_000
    compare(computed, wanted)


def test_terminals_equal_pandas_rolling(computed: pd.DataFrame, handbook: pd.DataFrame) -> None:
    chosen = handbook[handbook["is_chosen_terminal"]]
    wanted = pd.concat(terminal_features(rows) for _, rows in chosen.groupby("TERMINAL_ID"))
    assert (wanted["terminal_fraud_rate_7d"] > 0).sum() > 500
    compare(computed, wanted)


def test_weekends_and_nights_are_the_handbooks(computed: pd.DataFrame) -> None:
    times = computed["event_time"]
    assert (computed["is_weekend"] == (times.dt.weekday >= 5)).all()
    assert (computed["is_night"] == (times.dt.hour <= 6)).all()
