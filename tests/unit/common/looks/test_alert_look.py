"""The look at alerts: causes by the names that gold.alert_outcomes has, of recent days alone."""

from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.ddl import schema_of
from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import TRANSACTIONS
from common.contracts.table import Table
from common.looks.alerts import plot_alerts
from common.storage.lake import Lake

pytestmark = pytest.mark.spark


def day(number: int) -> datetime:
    return datetime(2030, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)


def append(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    data = [tuple(row.get(name) for name in table.column_names) for row in rows]
    lake.append(lake.spark.createDataFrame(data, schema_of(table)), table)


def a_score(number: int, score: float = 0.9, rules: tuple[str, ...] = (), **others: object) -> dict[str, object]:
    judged = {"score": score, "threshold": 0.5, "decision": "fraud", "rules_hit": list(rules), "is_backfill": False}
    return {"transaction_id": f"t{number}", "event_date": day(number).date()} | judged | others


def test_recent_alerts_are_shown_by_cause_and_neither_old_ones_nor_backfill(lake: Lake) -> None:
    lake.ensure(TRANSACTIONS, TRANSACTION_SCORES)
    assert plot_alerts(lake) is None
    append(lake, TRANSACTIONS, {"transaction_id": "t200", "event_time": day(200), "event_date": day(200).date()})
    append(
        lake,
        TRANSACTION_SCORES,
        a_score(200),
        a_score(199, rules=("one",)),
        a_score(198, score=0.1, rules=("one", "two")),
        a_score(197, score=0.1, decision="genuine"),
        a_score(196, score=0.1, rules=("three",), is_backfill=True),
        a_score(109, score=0.1, rules=("four",)),
    )

    drawn = plot_alerts(lake)

    assert drawn is not None
    alerts, spread = drawn.axes
    assert {text.get_text() for text in alerts.get_legend().get_texts()} == {"model", "both", "one, two"}
    assert sum(bar.get_height() for bar in spread.patches) == 5
    assert "90 days" in alerts.get_title()
