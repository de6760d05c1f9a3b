"""Refunds beside purchases: gold's features and marts are those of a world without them."""

from decimal import Decimal

import pytest
from gold_worlds import Transaction, append, at
from pyspark.sql import functions as F

from common.checks.conservation import check_conservation
from common.checks.findings import COMPLETENESS
from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.marts import CUSTOMER_SPENDING, DAILY_FRAUD_SUMMARY
from common.contracts.ops import BATCHES
from common.contracts.silver import QUARANTINE, TRANSACTIONS
from common.gold.marts import build_marts
from common.gold.transaction_features import build_features
from common.storage.lake import Lake

pytestmark = pytest.mark.spark

SPENT = [Transaction("P1", at(1), cents=1000), Transaction("P2", at(3), cents=3000, kind="purchase")]
REFUNDED = Transaction("R1", at(2), cents=-1000, kind="refund")


@pytest.fixture(scope="module")
def built(lake: Lake) -> Lake:
    lake.ensure(TRANSACTIONS, BATCHES, QUARANTINE)
    append(lake, [SPENT[0], REFUNDED])
    build_features(lake)
    append(lake, [SPENT[1]])
    build_features(lake)
    build_marts(lake)
    return lake


def test_features_are_of_purchases_alone(built: Lake) -> None:
    rows = {row["transaction_id"]: row for row in built.table(TRANSACTION_FEATURES).collect()}

    assert rows.keys() == {"P1", "P2"}
    assert rows["P2"]["customer_tx_count_7d"] == 2
    assert rows["P2"]["customer_amount_mean_7d"] == 20.0
    assert rows["P2"]["terminal_tx_count_7d"] == 0


def test_marts_sum_up_purchases_alone(built: Lake) -> None:
    (month,) = built.table(CUSTOMER_SPENDING).collect()

    assert (month["transactions"], month["amount_eur"]) == (2, Decimal("40.00"))
    assert [row["transactions"] for row in built.table(DAILY_FRAUD_SUMMARY).orderBy("event_date").collect()] == [1, 1]


def test_every_purchase_has_its_features_and_no_refund_is_missed(built: Lake) -> None:
    def finding() -> tuple[bool, str]:
        found = [f for f in check_conservation(built) if f.check_name == COMPLETENESS]
        (features,) = [f for f in found if f.subject.endswith(TRANSACTION_FEATURES.name)]
        return features.passed, features.details

    assert finding() == (True, "2 of 2 rows")
    built.spark.sql(f"DELETE FROM {built.full_name(TRANSACTION_FEATURES)} WHERE transaction_id = 'P1'")
    assert finding() == (False, "1 of 2 rows")
    assert built.table(TRANSACTIONS).where(F.col("amount") < 0).count() == 1
