"""Which of a transaction's reports counts."""

import pytest
from feature_worlds import Report, at, reports_frame
from pyspark.sql import SparkSession

from common.features.labels import last_reports

pytestmark = pytest.mark.spark

REPORTS = (
    Report("withdrawn", True, at(1)),
    Report("withdrawn", False, at(5)),
    Report("again", True, at(1)),
    Report("again", False, at(2)),
    Report("again", True, at(3)),
    Report("late", True, at(10)),
    Report("taken back", True, at(3)),
    Report("taken back", False, at(3, micros=1)),
    Report("both", False, at(1)),
    Report("both", True, at(1)),
)


def test_the_last_report_counts_and_of_those_at_one_time_fraud(spark: SparkSession) -> None:
    rows = last_reports(reports_frame(spark, REPORTS)).collect()
    known = {"withdrawn": False, "again": True, "late": True, "both": True, "taken back": False}
    assert {row["transaction_id"]: row["is_fraud"] for row in rows} == known
    assert len(rows) == len(known)
