"""The features of transactions, as of the moment when each happened.

After chapter 3 of "Reproducible Machine Learning for Credit Card Fraud Detection" (Le Borgne, Siblini, Lebichot,
Bontempi, 2022): how much and how often a customer spends, and how much fraud a terminal saw, over 1, 7 and 30 days,
with the delay that reports of fraud take. Training and streaming call `transaction_features`.
"""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from common.contracts.gold import TRANSACTION_FEATURES, WINDOW_DAYS
from common.features.frauds import fraud_steps, step_column
from common.features.reach import Reach, reach_of
from common.features.windows import EVENT_MICROS, by, loners, up_to, up_to_row, with_key
from common.settings import LABEL_DELAY_DAYS

INPUTS = (
    "transaction_id",
    "event_time",
    "event_date",
    "customer_id",
    "account_id",
    "terminal_id",
    "amount_eur",
)
"""The columns of silver.transactions that features are made of."""


def transaction_features(
    new: DataFrame,
    transactions: DataFrame,
    fraud_reports: DataFrame,
    reach: Reach | None = None,
    delay_days: int = LABEL_DELAY_DAYS,
) -> DataFrame:
    """One row of gold.transaction_features for each row of `new`.

    Windows are half-open. A customer's are (t - w, t] and hold the transaction itself, in the order (event_time,
    transaction_id). A terminal's are (t - delay - w, t - delay], and a fraud in them counts if it was known at t.
    An empty window has count 0, rate 0 and mean null. Without a customer or terminal, its features are null. An
    amount that is null in euro counts as a transaction, and is left out of the mean.

    Args:
        new: transactions to compute features for, each once; columns as `INPUTS`.
        transactions: silver.transactions, with the rows of `new` or without them. Only what the windows
            reach is read. The same frame as `new`: all of it is computed.
        fraud_reports: silver.fraud_reports.
        reach: `reach_of(new)`, where the caller has it already; otherwise a query finds it.
        delay_days: days that reports of fraud are given to arrive.

    """
    rows = new.select(*INPUTS)
    if new is transactions:
        everything, known, batch = rows, fraud_reports, _flagged(rows, is_new=True)
    else:
        reach = reach or reach_of(new)
        history = (reach.history(transactions, delay_days) if reach else transactions.where("false")).select(*INPUTS)
        known = reach.known(fraud_reports) if reach else fraud_reports.where("false")
        everything = rows.unionByName(history)
        others = history.join(
            rows.select("transaction_id", "event_date"), ["transaction_id", "event_date"], "left_anti"
        )
        batch = _flagged(rows, is_new=True).unionByName(_flagged(others, is_new=False))
    steps = fraud_steps(everything, known, delay_days)
    return _terminal_features(_customer_features(batch), steps, delay_days).select(*_output())


def _flagged(rows: DataFrame, *, is_new: bool) -> DataFrame:
    return rows.select(
        *INPUTS[:-1],
        F.unix_micros("event_time").alias(EVENT_MICROS),
        (F.col("amount_eur") * 100).cast("bigint").alias("cents"),
        F.lit(is_new).alias("is_new"),
        *loners("customer_id", "terminal_id"),
    )


def _customer_features(rows: DataFrame) -> DataFrame:
    partition = by("customer_id")
    here = rows.withColumns(_customer_sums(up_to_row(partition), "here"))
    past = {days: _customer_sums(up_to(partition, days), f"{days}d") for days in WINDOW_DAYS}
    summed = here.withColumns(_merged(past.values()))
    features: dict[str, Column] = {}
    for days in WINDOW_DAYS:
        cents, amounts, transactions = (
            F.col(f"{name}_here") - F.col(f"{name}_{days}d") for name in ("cents", "amounts", "transactions")
        )
        features[f"customer_tx_count_{days}d"] = with_key("customer_id", transactions)
        mean = F.when(amounts > 0, cents.cast("double") / (amounts * 100).cast("double"))
        features[f"customer_amount_mean_{days}d"] = with_key("customer_id", mean)
    return summed.select(*rows.columns, *(column.alias(name) for name, column in features.items()))


def _customer_sums(window: WindowSpec, name: str) -> dict[str, Column]:
    return {
        f"transactions_{name}": F.count(F.lit(1)).over(window),
        f"amounts_{name}": F.count("cents").over(window),
        # Before the first amount the sum of none is null; it stands for 0.
        f"cents_{name}": F.coalesce(F.sum("cents").over(window), F.lit(0)),
    }


def _terminal_features(rows: DataFrame, steps: DataFrame, delay_days: int) -> DataFrame:
    partition = by("terminal_id")
    # A step is no transaction: without an id it isn't counted, and it isn't new.
    joined = rows.unionByName(steps, allowMissingColumns=True)
    past = {days: up_to(partition, delay_days + days) for days in (0, *WINDOW_DAYS)}
    counts = {f"terminal_past_{days}d": F.count("transaction_id").over(window) for days, window in past.items()}
    frauds = {
        f"terminal_frauds_{days}d": F.coalesce(F.sum(step_column(days)).over(up_to(partition, 0)), F.lit(0))
        for days in WINDOW_DAYS
    }
    return joined.withColumns({**counts, **frauds}).where("is_new")


def _output() -> list[Column]:
    hour = F.col(EVENT_MICROS) / F.lit(3_600_000_000)
    computed: dict[str, Column] = {
        "amount_eur": F.col("cents").cast("double") / 100,
        "is_weekend": F.weekday("event_date") >= 5,
        # By arithmetic rather than hour(), which depends on the session's time zone.
        "is_night": F.floor(hour) % 24 <= 6,
    }
    for days in WINDOW_DAYS:
        count = F.col("terminal_past_0d") - F.col(f"terminal_past_{days}d")
        frauds = F.col(f"terminal_frauds_{days}d").cast("double")
        rate = F.when(count > 0, frauds / count.cast("double")).otherwise(0.0)
        computed[f"terminal_tx_count_{days}d"] = with_key("terminal_id", count)
        computed[f"terminal_fraud_rate_{days}d"] = with_key("terminal_id", rate)
    return [computed.get(name, F.col(name)).alias(name) for name in TRANSACTION_FEATURES.column_names]


def _merged(parts: Iterable[dict[str, Column]]) -> dict[str, Column]:
    return {name: column for part in parts for name, column in part.items()}
