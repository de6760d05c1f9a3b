"""gold.merchant_risk: fraud at each merchant, month by month.

A merchant with one transaction, which was fraud, isn't the riskiest of all. Its rate is smoothed by the m-estimate
(B. Cestnik, "Estimating Probabilities: A Crucial Task in Machine Learning", ECAI 1990): (frauds + m p) / (n + m), where
p is the fraud rate of all merchants of the month, as if each had had m more transactions of that rate.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.marts import MERCHANT_RISK
from common.gold.marked import of_month, sums
from common.gold.mart import Mart

PRIOR_TRANSACTIONS = 100
"""The m above: a merchant with this many transactions counts half for itself, half for the average."""


def merchant_risk(rows: DataFrame) -> DataFrame:
    """One row a merchant and month, from marked transactions of whole months."""
    by_merchant = (
        rows.where("merchant_id IS NOT NULL")
        .groupBy("merchant_id", of_month())
        .agg(*(value.alias(name) for name, value in sums().items()))
    )
    month = Window.partitionBy("month")
    average = F.sum("frauds").over(month) / F.sum("transactions").over(month)
    smoothed = (F.col("frauds") + PRIOR_TRANSACTIONS * average) / (F.col("transactions") + PRIOR_TRANSACTIONS)
    return by_merchant.withColumn("smoothed_fraud_rate", smoothed).withColumn(
        "risk_rank", F.rank().over(month.orderBy(F.desc("smoothed_fraud_rate")))
    )


MART = Mart(MERCHANT_RISK, merchant_risk, by="month")
