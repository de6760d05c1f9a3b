"""Parts of a window on which a new model must not lose: by channel, by country, by how long the customer is known.

A part is judged only where it is large: from `MIN_FRAUDS` frauds and `MIN_TRANSACTIONS` transactions on.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from common.contracts.silver import TRANSACTIONS
from common.ml.window import in_window
from common.storage.lake import Lake

MIN_FRAUDS = 30
MIN_TRANSACTIONS = 500

KINDS = ("channel", "country", "customer_age")
"""What a window is parted by: columns of judged transactions, null where it is not known."""

AGES_DAYS = (0, 7, 30, 90)
"""Where the ages of a customer's history begin, in whole days since the first transaction."""


def read_slices(lake: Lake, start: datetime, end: datetime) -> pd.DataFrame:
    """The columns of `KINDS` of each transaction of [start, end), by transaction_id.

    A customer's first transaction may be any that is there, so two columns of all of them up to `end` are read.
    """
    transactions = lake.table(TRANSACTIONS)
    before_end = transactions.where(F.col("event_date") <= F.lit(end.date()))
    first = before_end.groupBy("customer_id").agg(F.min("event_time").alias("first"))
    window = in_window(transactions, start, end).join(first, "customer_id", "left")
    days = (F.unix_timestamp("event_time") - F.unix_timestamp("first")) / 86400
    read = window.select("transaction_id", "channel", "country", days.alias("days_known")).toPandas()
    return with_ages(read).set_index("transaction_id")[list(KINDS)]


def with_ages(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `customer_age`, made of `days_known`: days since the customer's first transaction."""
    names = [f"{low} to {high - 1} days" for low, high in pairwise(AGES_DAYS)]
    ages = pd.cut(frame["days_known"].astype("float64"), [*AGES_DAYS, np.inf], right=False, labels=[*names, _OLDEST])
    return frame.assign(customer_age=ages.astype(object).where(ages.notna(), None))


def large_slices(judged: pd.DataFrame, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """The large parts of judged transactions by a column of `KINDS`: name, and which rows are in it.

    A column that is not there, or holds nothing, parts nothing.
    """
    if kind not in judged:
        return
    is_fraud = judged["is_fraud"].to_numpy(dtype=bool)
    for name in sorted(judged[kind].dropna().unique()):
        rows = (judged[kind] == name).to_numpy(dtype=bool)
        if rows.sum() >= MIN_TRANSACTIONS and (rows & is_fraud).sum() >= MIN_FRAUDS:
            yield str(name), rows


_OLDEST = f"{AGES_DAYS[-1]} days or more"
