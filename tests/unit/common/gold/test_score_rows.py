"""Rows of gold.transaction_scores that are made without Spark. That they equal Spark's is tested beside the streams."""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from gold_worlds import at

from common.contracts.features import FEATURE_NAMES
from common.contracts.gold import TRANSACTION_SCORES
from common.gold.score_rows import score_rows
from common.rules import RULES, sentence


def made(decision: str = "fraud", *, is_backfill: bool = False, amount: Decimal | None = Decimal("12.34")) -> Any:
    """The row of one transaction that two rules hit and of which the model saw something."""
    row = {
        **dict.fromkeys(TRANSACTION_SCORES.column_names),
        **{name: float(number) for number, name in enumerate(FEATURE_NAMES)},
        "transaction_id": "A",
        "event_time": at(1),
        "event_date": date(2026, 1, 6),
        "decision": decision,
        "is_backfill": is_backfill,
        "rules_hit": [RULES[0].name, "no longer declared"],
        "reasons": ["the amount is large"],
    }
    amounts = pa.chunked_array([pa.array([amount], pa.decimal128(18, 2))])
    rows = score_rows(pa.Table.from_pylist([row]), amounts)
    assert rows.column_names == list(TRANSACTION_SCORES.column_names)
    return rows.to_pylist()[0]


def test_an_alert_has_the_rules_sentences_before_what_the_model_saw() -> None:
    assert made()["reasons"] == [sentence(RULES[0].name), "no longer declared", "the amount is large"]


@pytest.mark.parametrize(("decision", "is_backfill"), [("genuine", False), ("fraud", True), ("genuine", True)])
def test_what_is_no_alert_has_no_reasons(decision: str, is_backfill: bool) -> None:
    assert made(decision, is_backfill=is_backfill)["reasons"] == []


def test_the_amount_is_silvers_and_features_are_as_the_scorer_saw_them() -> None:
    row = made()
    assert row["amount_eur"] == Decimal("12.34")
    assert row["features"] == {name: float(number) for number, name in enumerate(FEATURE_NAMES)}
    assert made(amount=None)["amount_eur"] is None
