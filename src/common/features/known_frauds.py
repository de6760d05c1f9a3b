"""When transactions were known to be fraud, by what was reported of each."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from common.features.labels import REPORT_ORDER
from common.features.rows import SPANS


def known_frauds(fraud_reports: DataFrame) -> DataFrame:
    """One row for each transaction that was ever reported as fraud: transaction_id, `SPANS`.

    It is known to be fraud from a report of fraud until the transaction's next report, which takes its place. Of
    reports at the same time, one counts: see `REPORT_ORDER`.
    """
    reported = F.unix_micros("reported_at")
    following = Window.partitionBy("transaction_id").orderBy(*REPORT_ORDER)
    spans = fraud_reports.select(
        "transaction_id",
        "is_fraud",
        reported.alias("known_from"),
        F.lead(reported).over(following).alias("until"),
    )
    frauds = spans.where("is_fraud AND NOT (known_from <=> until)")
    return frauds.groupBy("transaction_id").agg(F.collect_list(F.struct("known_from", "until")).alias(SPANS))
