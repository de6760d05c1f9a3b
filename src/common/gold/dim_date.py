"""gold.dim_date: the calendar, and the key by which facts name a day."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from common.contracts.star import DIM_DATE, UNKNOWN_KEY
from common.storage.lake import Lake


def date_key(day: Column) -> Column:
    """A date as gold.dim_date's key, yyyymmdd; the unknown member's where it is null."""
    return F.coalesce(F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day), F.lit(UNKNOWN_KEY))


def calendar(lake: Lake, years: list[int]) -> DataFrame:
    """Rows of gold.dim_date for all days of the years."""
    ends = [(date(year, 1, 1), date(year, 12, 31)) for year in years]
    spans = lake.spark.createDataFrame(ends, "first date, last date")
    day = F.col("date")
    weekday = F.weekday(day) + 1
    return spans.select(F.explode(F.sequence("first", "last")).alias("date")).select(
        date_key(day).alias("date_key"),
        day,
        F.year(day).alias("year"),
        F.quarter(day).alias("quarter"),
        F.month(day).alias("month"),
        F.date_format(day, "MMMM").alias("month_name"),
        F.trunc(day, "month").alias("month_start"),
        F.dayofmonth(day).alias("day"),
        F.dayofyear(day).alias("day_of_year"),
        F.extract(F.lit("YEAROFWEEK"), day).alias("iso_year"),
        F.weekofyear(day).alias("iso_week"),
        weekday.alias("weekday"),
        F.date_format(day, "EEEE").alias("weekday_name"),
        (weekday >= 6).alias("is_weekend"),
        (day == F.last_day(day)).alias("is_month_end"),
    )


def extend_calendar(lake: Lake, first: date, last: date) -> None:
    """Adds the years that are missing between the oldest and the newest date known, these two included."""
    existing = {
        row["year"] for row in lake.table(DIM_DATE).where("year IS NOT NULL").select("year").distinct().collect()
    }
    wanted = {first.year, last.year} | existing
    if missing := [year for year in range(min(wanted), max(wanted) + 1) if year not in existing]:
        lake.apply_changes(calendar(lake, missing).withColumn("operation", F.lit("upsert")), DIM_DATE)
