"""Reported frauds as steps: where the number of frauds known in a terminal's window goes up and down.

A fraud at time e counts in the window (t - delay - w, t - delay] from e + delay until e + delay + w. It counts
only while it is known: from its report on, until a later report withdraws it. So for each window it counts for t in
[max(e + delay, reported), min(e + delay + w, withdrawn)), and a running sum of +1 at the start and -1 at the end
is the number of frauds known at t. Reports on time, late and withdrawn are one case.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from common.contracts.gold import WINDOW_DAYS
from common.features.labels import REPORT_ORDER
from common.features.windows import DAY_MICROS, EVENT_MICROS


def step_column(days: int) -> str:
    """Name of the column that holds the steps of the window of that many days."""
    return f"fraud_step_{days}d"


def fraud_steps(transactions: DataFrame, fraud_reports: DataFrame, delay_days: int) -> DataFrame:
    """The steps of all reported frauds: terminal_id, event_micros and one signed step (-1, 0, 1) for each window.

    A transaction may be given twice in `transactions`; it counts once.
    """
    reported = transactions.where("terminal_id IS NOT NULL").join(_spans(fraud_reports), "transaction_id")
    frauds = reported.dropDuplicates(["transaction_id", "reported_micros"])
    counted_from = F.unix_micros("event_time") + delay_days * DAY_MICROS
    start = F.greatest(counted_from, F.col("reported_micros"))
    ends = {days: F.least(counted_from + days * DAY_MICROS, F.col("next_report_micros")) for days in WINDOW_DAYS}
    counts = {days: (start < end).cast("int") for days, end in ends.items()}
    up = _step(start, counts)
    down = [_step(end, {days: -counts[days]}) for days, end in ends.items()]
    return frauds.select("terminal_id", F.inline(F.array(up, *down)))


def _spans(fraud_reports: DataFrame) -> DataFrame:
    """Each report of fraud with the time of the transaction's next report, which takes its place (null: none yet).

    Of reports at the same time, one counts: see `REPORT_ORDER`.
    """
    reported = F.unix_micros("reported_at")
    following = Window.partitionBy("transaction_id").orderBy(*REPORT_ORDER)
    spans = fraud_reports.select(
        "transaction_id",
        "is_fraud",
        reported.alias("reported_micros"),
        F.lead(reported).over(following).alias("next_report_micros"),
    )
    return spans.where("is_fraud AND NOT (reported_micros <=> next_report_micros)").drop("is_fraud")


def _step(at: Column, steps: dict[int, Column]) -> Column:
    by_window = [steps.get(days, F.lit(0)).alias(step_column(days)) for days in WINDOW_DAYS]
    return F.struct(at.alias(EVENT_MICROS), *by_window)
