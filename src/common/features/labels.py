"""What reports say of a transaction: the labels, and the rule by which several reports make one."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

REPORT_ORDER = ("reported_at", "is_fraud")
"""The order of a transaction's reports, of which the last counts: of reports at the same time, fraud is believed."""


def last_reports(fraud_reports: DataFrame) -> DataFrame:
    """What the last report says of each reported transaction: transaction_id, is_fraud."""
    last = F.max_by("is_fraud", F.struct(*REPORT_ORDER))
    return fraud_reports.groupBy("transaction_id").agg(last.alias("is_fraud"))
