"""gold.country_channel_matrix: where and how cards are used, and where and how they are abused, month by month."""

from pyspark.sql import DataFrame

from common.contracts.marts import COUNTRY_CHANNEL_MATRIX
from common.gold.marked import of_month, sums
from common.gold.mart import Mart


def country_channel_matrix(rows: DataFrame) -> DataFrame:
    """One row a country, channel and month, from marked transactions of whole months."""
    return rows.groupBy("country", "channel", of_month()).agg(*(value.alias(name) for name, value in sums().items()))


MART = Mart(COUNTRY_CHANNEL_MATRIX, country_channel_matrix, by="month")
