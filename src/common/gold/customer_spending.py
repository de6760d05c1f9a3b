"""gold.customer_spending: what each customer spent, month by month."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.marts import CUSTOMER_SPENDING
from common.gold.marked import of_month, sum_where, sums
from common.gold.mart import Mart


def customer_spending(rows: DataFrame) -> DataFrame:
    """One row a customer and month, from marked transactions of whole months."""
    common = sums()
    return (
        rows.where("customer_id IS NOT NULL")
        .groupBy("customer_id", of_month())
        .agg(
            *(common[name].alias(name) for name in ("transactions", "amount_eur", "frauds", "fraud_amount_eur")),
            F.max("amount_eur").alias("largest_amount_eur"),
            sum_where(F.col("channel") == "online").alias("online_amount_eur"),
            F.count_distinct("event_date").alias("active_days"),
            F.count_distinct("merchant_id").alias("merchants"),
            F.count_distinct("country").alias("countries"),
        )
    )


MART = Mart(CUSTOMER_SPENDING, customer_spending, by="month")
