"""Looks at the star schema that its notebook shows."""

from functools import reduce

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.contracts.silver import BY_ENTITY
from common.contracts.star import DIM_DATE, DIMENSIONS, FACT_TRANSACTION, UNKNOWN_KEY, surrogate
from common.storage.lake import Lake
from common.storage.recent import recent


def members(lake: Lake) -> DataFrame:
    """For each dimension: versions, entities, and the share of recent transactions whose member is unknown."""
    facts = recent(lake, FACT_TRANSACTION)
    keys = {entity: surrogate(reference) for entity, reference in BY_ENTITY.items()}
    unknown = facts.agg(*(F.avg((F.col(key) == UNKNOWN_KEY).cast("int")).alias(key) for key in keys.values())).first()
    counts = [
        lake.table(DIMENSIONS[entity])
        .where(F.col(keys[entity]) != UNKNOWN_KEY)
        .agg(F.count("*").alias("versions"), F.count_distinct(reference.key).alias("entities"))
        .select(
            F.lit(DIMENSIONS[entity].name).alias("dimension"),
            "versions",
            "entities",
            F.lit(unknown[keys[entity]] if unknown else None).cast("double").alias("unknown_share"),
        )
        for entity, reference in BY_ENTITY.items()
    ]
    return reduce(DataFrame.union, counts)


def spending_by_weekday(lake: Lake) -> DataFrame:
    """Recent transactions by weekday and the merchant's rating at the time: weekday, weekday_name, risk_rating, amount.

    What a star schema is for: facts, joined to what was true when they happened, by keys alone.
    """
    facts = recent(lake, FACT_TRANSACTION)
    days = lake.table(DIM_DATE).select("date_key", "weekday", "weekday_name")
    merchants = lake.table(DIMENSIONS["merchant"]).select("merchant_key", "risk_rating")
    rating = F.coalesce("risk_rating", F.lit("unknown")).alias("risk_rating")
    return (
        facts.join(days, "date_key")
        .join(merchants, "merchant_key")
        .groupBy("weekday", "weekday_name", rating)
        .agg(F.count("*").alias("transactions"), F.sum("amount_eur").alias("amount_eur"))
        .orderBy("weekday", "risk_rating")
    )


def plot_spending_by_weekday(rows: pd.DataFrame) -> Figure | None:
    """`spending_by_weekday` as stacked bars; None without transactions."""
    if rows.empty:
        return None
    drawn, axes = plt.subplots(figsize=(10, 4), layout="constrained")
    wide = rows.pivot_table(
        index=["weekday", "weekday_name"], columns="risk_rating", values="transactions", fill_value=0
    )
    wide.droplevel(0).plot.bar(stacked=True, ax=axes, rot=0, xlabel="", ylabel="transactions")
    axes.set_title("Transactions by weekday and the merchant's risk rating at the time")
    plt.close(drawn)
    return drawn
