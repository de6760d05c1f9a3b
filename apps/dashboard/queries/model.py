"""The page of the model: which version is champion and why, and how it has done since it went live."""

from typing import Any

import pandas as pd

from apps.dashboard.queries.ask import Ask
from common.contracts.ddl import quoted
from common.contracts.monitoring import MODEL_MONITORING
from common.contracts.ops import MODEL_PROMOTIONS


def decisions(ask: Ask) -> pd.DataFrame:
    """Every decision, the newest first: model_version, decided_at, decision, judged_against, criteria met of all."""
    return ask(
        "SELECT model_version, decided_at, decision, judged_against, "
        "sum(CASE WHEN passed THEN 1 ELSE 0 END) AS criteria_met, count(*) AS criteria, min(test_start) AS test_start "
        f"FROM {MODEL_PROMOTIONS.name} GROUP BY model_version, decided_at, decision, judged_against "
        "ORDER BY decided_at DESC, model_version DESC"
    )


def criteria(ask: Ask, decision: "pd.Series[Any]") -> pd.DataFrame:
    """What was judged in a decision: criterion, figure, bound, passed, sentence."""
    at = pd.Timestamp(decision["decided_at"])
    version, words = quoted(str(decision["model_version"])), quoted(str(decision["decision"]))
    return ask(
        f"SELECT criterion, figure, bound, passed, sentence FROM {MODEL_PROMOTIONS.name} "
        f"WHERE model_version = {version} AND decision = {words} "
        f"AND decided_at = TIMESTAMP'{at}' ORDER BY passed, criterion"
    )


def monitoring(ask: Ask) -> pd.DataFrame:
    """Every figure of every week, with what is usual, its limits, and whether it is beyond one."""
    return ask(
        "SELECT model_version, period_start, metric, subject, value, baseline, at_least, at_most, is_breached, note "
        f"FROM {MODEL_MONITORING.name} ORDER BY period_start, metric, subject"
    )


def in_use(ask: Ask) -> str:
    """The version that scored last; empty where none did."""
    found = ask(
        "SELECT model_version FROM gold.transaction_scores WHERE scored_at = "
        "(SELECT max(scored_at) FROM gold.transaction_scores) LIMIT 1"
    )
    return "" if found.empty else str(found["model_version"].iloc[0])
