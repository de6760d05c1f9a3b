"""gold.fact_fraud_report: each report with the dimensions of the transaction that it speaks of."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.star import DIMENSION_KEYS, FACT_FRAUD_REPORT, FACT_TRANSACTION, UNKNOWN_KEY
from common.gold.dim_date import date_key
from common.gold.lookup import with_transactions
from common.storage.difference import merge_difference
from common.storage.lake import Lake

REPORT_KEY = FACT_FRAUD_REPORT.key
_OF_TRANSACTION = ("transaction_id", "event_time", "event_date", "amount_eur", *DIMENSION_KEYS)
_DAY_MICROS = 86_400_000_000


def report_facts(reports: DataFrame) -> DataFrame:
    """Rows of gold.fact_fraud_report for reports with their facts' columns, null where there is no fact.

    Where `reports` has a transaction's id twice, on two dates, the earlier one counts. The lookup stops at dates near
    the report, so the rows don't depend on the order of arrival only where a transaction's id is on one date (see the
    check unique_across_dates).
    """
    first = Window.partitionBy(*REPORT_KEY).orderBy("event_time")
    single = reports.withColumn("_place", F.row_number().over(first)).where("_place = 1")
    passed = F.unix_micros("reported_at") - F.unix_micros("event_time")
    whole_days = (passed - F.pmod(passed, F.lit(_DAY_MICROS))) / _DAY_MICROS
    return single.select(
        *REPORT_KEY,
        date_key(F.to_date("reported_at")).alias("reported_date_key"),
        "event_date",
        date_key(F.col("event_date")).alias("date_key"),
        *(F.coalesce(key, F.lit(UNKNOWN_KEY)).alias(key) for key in DIMENSION_KEYS),
        whole_days.cast("int").alias("days_to_report"),
        "amount_eur",
    )


def update_report_facts(lake: Lake, new: DataFrame, touched: DataFrame | None) -> None:
    """Updates the facts of new reports, and of those whose transaction arrived or was mended.

    Args:
        lake: where the tables are; gold.fact_transaction is up to date.
        new: reports of silver that arrived.
        touched: transaction_id of the facts that are new or may have been mended; None where there are none.

    """
    existing = lake.table(FACT_FRAUD_REPORT)
    concerned = new.select(*REPORT_KEY)
    if touched is not None:
        # Reports are few: joined this way round, they are the side that is broadcast.
        concerned = concerned.unionByName(
            touched.join(existing.select(*REPORT_KEY), "transaction_id").select(*REPORT_KEY)
        )
    transactions = lake.table(FACT_TRANSACTION).select(*_OF_TRANSACTION)
    with with_transactions(lake, concerned.distinct(), transactions) as found:
        derived = report_facts(found)
        existing_part = existing.join(found.select(*REPORT_KEY).distinct(), list(REPORT_KEY), "left_semi")
        merge_difference(lake, derived, existing_part, FACT_FRAUD_REPORT)
