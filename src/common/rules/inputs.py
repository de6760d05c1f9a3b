"""What rules look at beside the features: channel, country, and the merchant as it was at the time."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import MERCHANT


def with_rule_inputs(features: DataFrame, transactions: DataFrame, merchants: DataFrame) -> DataFrame:
    """Features with merchant_id, channel, country and is_watchlisted (null where the merchant is not known).

    Args:
        features: rows of gold.transaction_features.
        transactions: silver.transactions, at least the rows of the features.
        merchants: silver.merchants, every version.
    """
    used = transactions.select("transaction_id", "merchant_id", "channel", "country")
    return with_watchlist(features.join(used, "transaction_id"), merchants)


def with_watchlist(rows: DataFrame, merchants: DataFrame) -> DataFrame:
    """Rows that have merchant_id and event_time, with is_watchlisted (null where the merchant is not known).

    Args:
        rows: transactions.
        merchants: silver.merchants, every version.
    """
    versions = merchants.select(MERCHANT.key, "is_watchlisted", "valid_from", "valid_to")
    then = F.expr(MERCHANT.valid_at_event("t", "m"))
    return rows.alias("t").join(versions.alias("m"), then, "left").select("t.*", "m.is_watchlisted")
