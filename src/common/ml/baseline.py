"""The rules alone, as a baseline that a model has to beat."""

from datetime import datetime

import pandas as pd
from pyspark.sql import functions as F

from common.contracts.gold import TRANSACTION_FEATURES
from common.contracts.silver import MERCHANT, TRANSACTIONS
from common.ml.window import in_window
from common.rules import evaluate
from common.rules.inputs import with_rule_inputs
from common.storage.lake import Lake


def rules_fired(lake: Lake, start: datetime, end: datetime) -> "pd.Series[int]":
    """How many rules fired on each transaction of [start, end), by transaction_id; those with none are left out."""
    lake.ensure(MERCHANT.history)
    features = in_window(lake.table(TRANSACTION_FEATURES), start, end)
    transactions = in_window(lake.table(TRANSACTIONS), start, end)
    judged = evaluate(with_rule_inputs(features, transactions, lake.table(MERCHANT.history)))
    fired = judged.select("transaction_id", F.size("rules_hit").alias("rules_fired")).where("rules_fired > 0")
    frame = fired.toPandas()
    return pd.Series(frame["rules_fired"].to_numpy(), index=frame["transaction_id"].to_numpy(), dtype="int64")
