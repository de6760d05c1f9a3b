"""Scores added to a table that an earlier contract made: other columns, and features in another number and order."""

from dataclasses import replace

import pytest
from gold_worlds import at
from pyspark.sql import functions as F
from scoring_models import a_challenger, a_champion, scored_by
from test_transaction_scores import add_payments

from common.contracts.ddl import schema_of
from common.contracts.features import FEATURE_COLUMNS, FEATURE_NAMES
from common.contracts.gold import FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS, TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS, MERCHANT, TRANSACTIONS
from common.contracts.table import Column
from common.gold.transaction_scores import score_new
from common.storage.lake import Lake, Once

pytestmark = pytest.mark.spark

SINCE = ("challenger_version", "challenger_score")
"""Columns that the table gained."""
GAINED, LOST = FEATURE_NAMES[3:6], Column("phase_of_moon", "double", "Not computed any more.")
"""Features that the table gained, and one that is not computed any more."""


VIEWS = (FRAUD_TRANSACTIONS, GENUINE_TRANSACTIONS)


def as_before() -> tuple[Column, ...]:
    """The columns as an earlier contract had them."""
    fields = [LOST, *(c for c in reversed(FEATURE_COLUMNS) if c.name not in GAINED)]
    struct = "struct<" + ", ".join(f"{c.name}: {c.type}" for c in fields) + ">"
    kept = (c for c in TRANSACTION_SCORES.columns if c.name not in SINCE)
    return tuple(replace(c, type=struct) if c.name == "features" else c for c in kept)


@pytest.fixture(scope="module")
def upgraded(lake: Lake) -> Lake:
    """Ten payments; the first is scored under the earlier contract, the others since."""
    before = replace(TRANSACTION_SCORES, columns=as_before())
    lake.ensure(TRANSACTIONS, FRAUD_REPORTS, MERCHANT.history, before)
    lake.ensure_views(*VIEWS)
    add_payments(lake, 0, 1)
    (old,) = scored_by(lake, lake.table(TRANSACTIONS), a_champion()).collect()
    values = old.asDict(recursive=True)
    values["features"] = {LOST.name: 0.5} | {k: v for k, v in values["features"].items() if k not in GAINED}
    row = tuple(values[column.name] for column in before.columns)
    lake.append(lake.spark.createDataFrame([row], schema_of(before)), before)
    add_payments(lake, 1, 10)
    assert score_new(lake, a_champion()).rows_out == 9
    return lake


def test_old_rows_stay_and_new_ones_have_each_feature_under_its_name(upgraded: Lake) -> None:
    payments = upgraded.table(TRANSACTIONS)
    expected = {row["transaction_id"]: row for row in scored_by(upgraded, payments, a_champion()).collect()}
    found = {row["transaction_id"]: row for row in upgraded.table(TRANSACTION_SCORES).collect()}

    assert sorted(found) == sorted(expected)
    for transaction_id, row in found.items():
        is_old = transaction_id == "P0"
        features, wanted = row["features"].asDict(), expected[transaction_id]["features"].asDict()
        assert features.pop(LOST.name) == (0.5 if is_old else None)
        assert features == wanted | (dict.fromkeys(GAINED) if is_old else {})
        assert (row["score"], row["decision"]) == (
            expected[transaction_id]["score"],
            expected[transaction_id]["decision"],
        )
        assert (row["challenger_version"], row["challenger_score"]) == (None, None)


def test_the_views_of_the_scores_show_what_the_table_gained(upgraded: Lake) -> None:
    schema = upgraded.table(TRANSACTION_SCORES).schema
    rows = [row for view in VIEWS for row in upgraded.table(view.name).collect()]

    assert len(rows) == 10
    for view in VIEWS:
        assert upgraded.table(view.name).schema.simpleString() == schema.simpleString()


def test_a_challenger_s_score_goes_into_the_columns_that_were_added(upgraded: Lake) -> None:
    add_payments(upgraded, 20, 21)
    rows = scored_by(
        upgraded, upgraded.table(TRANSACTIONS).where("transaction_id = 'P20'"), a_champion(), a_challenger()
    )
    upgraded.insert_new(rows, TRANSACTION_SCORES, Once("upgraded", 1))

    (row,) = upgraded.table(TRANSACTION_SCORES).where(F.col("event_date") == at(20).date()).collect()
    assert row["challenger_version"] == "4"
    assert row["challenger_score"] > 0.2
