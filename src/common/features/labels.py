"""What is known of a transaction: the labels, and the rule by which reports and verdicts make one.

A label is a statement on a transaction, true from its own time on: what a customer reported, or what a reviewer
decided. Of several statements the last counts, whoever made it. A reviewer who is unsure states nothing. Whatever is
learnt from labels takes them from here, in one shape: transaction_id, is_fraud, reported_at.
"""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import FRAUD_REPORTS
from common.contracts.verdicts import ALERT_VERDICTS, FRAUD, UNSURE
from common.storage.tables import Tables

LABELLED_BY = (FRAUD_REPORTS, ALERT_VERDICTS)
"""The tables that labels are made of."""

REPORT_ORDER = ("reported_at", "is_fraud")
"""The order of a transaction's labels, of which the last counts: of those at the same time, fraud is believed."""


def labels(fraud_reports: DataFrame, alert_verdicts: DataFrame) -> DataFrame:
    """All labels: transaction_id, is_fraud, reported_at (of a verdict: decided_at). Streams are taken, too."""
    verdicts = alert_verdicts.where(F.col("verdict") != UNSURE).select(
        "transaction_id",
        (F.col("verdict") == FRAUD).alias("is_fraud"),
        F.col("decided_at").alias("reported_at"),
    )
    return fraud_reports.select("transaction_id", "is_fraud", "reported_at").unionByName(verdicts)


def known_labels(lake: Tables) -> DataFrame:
    """All labels of this moment. A lakehouse in which nobody has reviewed may lack the table of verdicts."""
    reports = lake.table(FRAUD_REPORTS)
    if lake.exists(ALERT_VERDICTS):
        return labels(reports, lake.table(ALERT_VERDICTS))
    return reports.select("transaction_id", "is_fraud", "reported_at")


def labels_since(lake: Tables, since: datetime) -> DataFrame:
    """The labels that this lakehouse got since a moment, whenever they were made."""
    reports = lake.table(FRAUD_REPORTS).where(F.col("accepted_at") >= F.lit(since))
    if not lake.exists(ALERT_VERDICTS):
        return reports.select("transaction_id", "is_fraud", "reported_at")
    return labels(reports, lake.table(ALERT_VERDICTS).where(F.col("recorded_at") >= F.lit(since)))


def last_labels(labels: DataFrame) -> DataFrame:
    """What the last label says of each transaction that has one.

    Columns: transaction_id, is_fraud, and `was_fraud`: whether one of its labels says fraud, the last or an earlier.
    """
    last = F.max_by("is_fraud", F.struct(*REPORT_ORDER)).alias("is_fraud")
    return labels.groupBy("transaction_id").agg(last, F.bool_or("is_fraud").alias("was_fraud"))
