"""Alerts: transactions decided to be fraud that happened since the model's test_start."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.gold import IS_ALERT, TRANSACTION_SCORES
from common.storage.lake import Lake

SHOWN = 15


def alerts(lake: Lake) -> DataFrame:
    """All alerts."""
    return lake.table(TRANSACTION_SCORES).where(IS_ALERT)


def recent_alerts(lake: Lake, limit: int = SHOWN) -> DataFrame:
    """The newest alerts: when, who, where, how much, score, and why."""
    shown = (
        "event_time",
        "transaction_id",
        "customer_id",
        "terminal_id",
        "amount_eur",
        "score",
        "rules_hit",
        "reasons",
    )
    return alerts(lake).select(*shown).orderBy(F.desc("event_time"), "transaction_id").limit(limit)
