"""What was known of a fraud at a moment."""

import pytest
from feature_worlds import Report, at, reports_frame
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.features.labels import known_frauds

pytestmark = pytest.mark.spark

REPORTS = (
    Report("withdrawn", True, at(1)),
    Report("withdrawn", False, at(5)),
    Report("again", True, at(1)),
    Report("again", False, at(2)),
    Report("again", True, at(3)),
    Report("late", True, at(10)),
    Report("both", False, at(1)),
    Report("both", True, at(1)),
)


@pytest.mark.parametrize(
    ("day", "known"),
    [
        (0.9, {}),
        (1, {"withdrawn": True, "again": True, "both": True}),
        (2, {"withdrawn": True, "again": False, "both": True}),
        (5, {"withdrawn": False, "again": True, "both": True}),
        (10, {"withdrawn": False, "again": True, "both": True, "late": True}),
    ],
)
def test_the_last_report_until_then_counts(spark: SparkSession, day: float, known: dict[str, bool]) -> None:
    rows = known_frauds(reports_frame(spark, REPORTS), at(day)).collect()
    assert {row["transaction_id"]: row["is_fraud"] for row in rows} == known
    assert len(rows) == len(known)


def test_the_moment_may_be_a_column(spark: SparkSession) -> None:
    rows = known_frauds(reports_frame(spark, REPORTS), F.expr("to_timestamp('2026-01-09 12:00:00')")).collect()
    assert {row["transaction_id"]: row["is_fraud"] for row in rows} == {"withdrawn": True, "again": True, "both": True}
